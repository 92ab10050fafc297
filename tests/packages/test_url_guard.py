"""Which package URLs the guard lets pass, and that it reveals nothing about the others."""

import pytest

from server.config import Settings
from server.errors import InvalidArgument
from server.packages.urls import check_url, file_name, is_public, system_resolve
from tests.packages.origin import PUBLIC, Names, no_such_host

NOT_ALLOWED = "the package URL is not allowed"


async def refusal(url: str, *addresses: str, **settings: object) -> str:
    with pytest.raises(InvalidArgument) as caught:
        await check_url(url, Settings(**settings), resolve=Names(list(addresses or (PUBLIC,))))  # type: ignore[arg-type]
    assert caught.value.reason == "INVALID_PACKAGE_URL"
    return caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.googleapis.com/b/p.yaml",
        "https://s3.amazonaws.com/b/p.yaml",
        "https://github.com/o/r/raw/main/p.yaml",
        "https://raw.githubusercontent.com/o/r/main/p.yaml",
        "https://GitHub.com/p.yaml",
        "https://github.com:443/p.yaml?x=1#y",
        "HTTPS://github.com",
    ],
)
async def test_the_usual_hosts_are_allowed_over_https(url: str) -> None:
    await check_url(url, Settings(), resolve=Names([PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"]))


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.googleapis.com/x.yaml",
        "https://storage.googleapis.com:8443/x.yaml",
        "https://storage.googleapis.com:80/x.yaml",
        "http://storage.googleapis.com:443/x.yaml",
        "https://example.com/x.yaml",
        "https://127.0.0.1/x.yaml",
        "https://localhost/x.yaml",
        "https://[::1]/x.yaml",
        "https://169.254.169.254/latest",
        "https://2130706433/x.yaml",
        "https://storage.googleapis.com.evil.test/x.yaml",
        "https://evil.test/storage.googleapis.com",
        "https://evilgithub.com/x.yaml",
        "https://sub.github.com/x.yaml",
        "https://github.com./x.yaml",
        "https://github_com/x.yaml",
    ],
)
async def test_other_schemes_ports_and_hosts_are_refused_with_one_sentence(url: str) -> None:
    assert await refusal(url) == NOT_ALLOWED


@pytest.mark.parametrize(
    "url",
    [
        "",
        "not a url",
        "x.yaml",
        "/x.yaml",
        "//github.com/x.yaml",
        "github.com/x.yaml",
        "https:///x.yaml",
        "https://",
        "https:github.com",
        "ftp://storage.googleapis.com/x.yaml",
        "file:///etc/passwd",
        "gopher://github.com/",
        "https://user@example.com/x",
        "https://user:password@github.com/x",
        "https://github.com@127.0.0.1/x",
        "https://github.com\\@evil.test/x",
        "https://github.com\t.evil.test/x",
        "https://github.com/x\r\nHost: evil",
        " https://github.com/x",
        "https://github.com:99999/x",
        "https://github.com:0/x",
        "https://github.com:x/x",
        "https://[::1/x",
        "https://[fe80::1%25eth0]/x",
        "https://gïthub.com/x",
        "https://git\u200bhub.com/x",
    ],
)
@pytest.mark.parametrize("validation", [True, False], ids=["on", "off"])
async def test_what_is_no_absolute_web_url_is_refused_even_with_validation_off(url: str, validation: bool) -> None:
    assert "absolute" in await refusal(url, package_url_validation=validation, package_url_allowed_domains="*")


@pytest.mark.parametrize(
    ("domains", "host", "allowed"),
    [
        ("example.com", "example.com", True),
        (" a.test , Example.COM,", "example.com", True),
        ("example.com", "sub.example.com", False),
        ("*.example.com", "a.b.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "example.com.evil.test", False),
        ("exa*ple.com", "exam.ple.com", True),
        ("example.com", "exampleXcom.test", False),
        ("e.ample.com", "example.com", False),
        ("[a-z]*.com", "example.com", False),
        ("*", "anything.test", True),
        ("", "example.com", False),
        (",", "example.com", False),
        ("example.com", "github.com", True),
    ],
)
async def test_domains_are_added_in_a_comma_list_with_wildcards(domains: str, host: str, allowed: bool) -> None:
    url = f"https://{host}/p.yaml"
    if allowed:
        await check_url(url, Settings(package_url_allowed_domains=domains), resolve=Names([PUBLIC]))
    else:
        assert await refusal(url, package_url_allowed_domains=domains) == NOT_ALLOWED


async def test_http_is_allowed_on_port_80_by_setting() -> None:
    for url in ("http://github.com/p.yaml", "http://github.com:80/p.yaml", "https://github.com/p.yaml"):
        await check_url(url, Settings(package_url_allow_http=True), resolve=Names([PUBLIC]))

    for url in ("http://github.com:443/p.yaml", "http://github.com:8080/p.yaml", "https://github.com:80/p.yaml"):
        assert await refusal(url, package_url_allow_http=True) == NOT_ALLOWED


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.2.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1",
        "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001::1", "4000::1", "", "localhost", "1.2.3",
    ],
)  # fmt: skip
async def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    assert not is_public(address)
    assert await refusal("https://github.com/p.yaml", address) == NOT_ALLOWED
    assert await refusal("https://github.com/p.yaml", PUBLIC, address) == NOT_ALLOWED


@pytest.mark.parametrize(
    "address",
    ["140.82.121.3", "8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "172.32.0.1"],
)
def test_addresses_that_are_public_or_stand_for_one_pass(address: str) -> None:
    assert is_public(address)


async def test_a_host_without_addresses_is_refused_with_the_same_sentence() -> None:
    with pytest.raises(InvalidArgument, match=NOT_ALLOWED):
        await check_url("https://github.com/p.yaml", Settings(), resolve=no_such_host)
    with pytest.raises(InvalidArgument, match=NOT_ALLOWED):
        await check_url("https://github.com/p.yaml", Settings(), resolve=Names([]))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "127.1", "a..b"])
async def test_the_systems_own_lookup_is_guarded_too(host: str) -> None:
    with pytest.raises(InvalidArgument, match=NOT_ALLOWED):
        await check_url(f"https://{host}/p.yaml", Settings(package_url_allowed_domains="*"))


async def test_the_system_gives_each_address_once() -> None:
    assert await system_resolve("127.0.0.1", 80) == ["127.0.0.1"]


async def test_a_host_that_is_not_allowed_is_not_even_looked_up() -> None:
    names = Names([PUBLIC])
    with pytest.raises(InvalidArgument, match=NOT_ALLOWED):
        await check_url("https://internal.test/p.yaml", Settings(), resolve=names)

    assert names.asked == []


async def test_with_validation_off_every_web_url_passes_without_being_looked_up() -> None:
    names = Names([])
    for url in ("http://127.0.0.1:1/p.yaml", "https://[::1]:8443/p", "http://some_service/p"):
        await check_url(url, Settings(package_url_validation=False), resolve=names)

    assert names.asked == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://h/p.yaml", "p.yaml"),
        ("https://h/d/p.yaml?x=1", "p.yaml"),
        ("https://h/d/p.yaml?x=/y.txt#z", "p.yaml"),
        ("https://h/d/", ""),
        ("https://h", ""),
        ("https://h?x=p.yaml", ""),
        ("https://h/p%2Eyaml", "p%2Eyaml"),
    ],
)
def test_the_file_name_is_the_last_element_of_the_path(url: str, name: str) -> None:
    assert file_name(url) == name
