"""Fetching packages: over TLS, through redirects, against hosts that change, stall, or send too much."""

import ssl
import time
from collections.abc import AsyncIterator, Callable

import pytest
import trustme

from server.config import Settings
from server.errors import InvalidArgument
from server.packages.urls import REDIRECTS_MAX, Network, check_url, fetch
from tests.packages.origin import PUBLIC, Detour, Names, Origin

HTTP = Settings(package_url_allow_http=True)
URL = "http://github.com/d/p.yaml"
NEVER_SECONDS = 3600.0
ANSWERED = ("p.yaml", b"a: b\n")


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin().running() as running:
        running.answer("/d/p.yaml", b"a: b\n")
        yield running


def through(origin: Origin, *addresses: list[str], dead: tuple[str, ...] = ()) -> tuple[Network, Detour]:
    detour = Detour(origin.port, dead=dead)
    return Network(resolve=Names(*(addresses or ([PUBLIC],))), backend=detour), detour


async def refusal(url: str, settings: Settings, network: Network, *, reason: str = "INVALID_PACKAGE_URL") -> str:
    with pytest.raises(InvalidArgument) as caught:
        await fetch(url, settings, network=network)
    assert caught.value.reason == reason
    return caught.value.message


async def test_a_package_is_fetched_from_the_address_that_was_checked(origin: Origin) -> None:
    network, detour = through(origin)

    assert await fetch(URL, HTTP, network=network) == ANSWERED
    assert detour.dialled == [(PUBLIC, 80)]
    assert "\r\nHost: github.com\r\n" in origin.requests[0]


async def test_a_name_that_changes_its_address_after_the_check_reaches_nothing(origin: Origin) -> None:
    network, detour = through(origin, [PUBLIC], ["127.0.0.1"])
    await check_url(URL, HTTP, resolve=network.resolve)

    assert await refusal(URL, HTTP, network) == "the package URL is not allowed"
    assert detour.dialled == []
    assert origin.requests == []


async def test_the_loopback_is_refused_while_validation_is_on_and_reached_when_it_is_off(origin: Origin) -> None:
    url = f"http://127.0.0.1:{origin.port}/d/p.yaml"

    assert "not allowed" in await refusal(url, Settings(package_url_allowed_domains="*"), Network())
    assert origin.requests == []
    assert await fetch(url, Settings(package_url_validation=False)) == ANSWERED


async def test_the_next_address_is_tried_when_one_does_not_answer(origin: Origin) -> None:
    settings = Settings(package_url_allow_http=True, package_url_timeout_seconds=1.0)
    network, detour = through(origin, ["2606:4700::1", PUBLIC], dead=("2606:4700::1",))

    assert await fetch(URL, settings, network=network) == ANSWERED
    assert detour.dialled == [("2606:4700::1", 80), (PUBLIC, 80)]


async def test_nothing_is_dialled_when_only_one_of_several_addresses_is_public(origin: Origin) -> None:
    network, detour = through(origin, [PUBLIC, "10.0.0.1"])

    assert "not allowed" in await refusal(URL, HTTP, network)
    assert detour.dialled == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_and_the_first_url_names_the_file(origin: Origin, status: int) -> None:
    origin.redirect("/one.yaml", "two", status=status)
    origin.redirect("/two", "//raw.githubusercontent.com/three?x=1&y=%20")
    origin.answer("/three?x=1&y=%20", b"a: b\n")
    network, detour = through(origin)

    assert await fetch("http://github.com/one.yaml", HTTP, network=network) == ("one.yaml", b"a: b\n")
    assert detour.dialled == [(PUBLIC, 80)] * 3


@pytest.mark.parametrize(
    "location",
    [
        "http://evil.test/p.yaml",
        "http://github.com:8080/p.yaml",
        "http://127.0.0.1/p.yaml",
        "http://169.254.169.254/latest",
        "https://github.com:80/",
        "file:///etc/passwd",
        "http://user@github.com/p.yaml",
        "ftp://github.com/p.yaml",
        "//[::1]/p.yaml",
    ],
)
async def test_each_redirect_passes_the_guard(origin: Origin, location: str) -> None:
    origin.redirect("/d/p.yaml", location)
    network, detour = through(origin)

    assert "URL is not" in await refusal(URL, HTTP, network)
    assert len(detour.dialled) == 1


async def test_a_redirect_to_http_is_refused_unless_http_is_allowed(origin: Origin) -> None:
    authority, trust = certified(["github.com"])
    async with Origin().running(tls=authority) as secure:
        secure.redirect("/p.yaml", "http://github.com/d/p.yaml")
        network = Network(resolve=Names([PUBLIC]), backend=Detour(secure.port), trust=trust)
        assert "not allowed" in await refusal("https://github.com/p.yaml", Settings(), network)

    assert len(secure.requests) == 1


async def test_the_addresses_of_a_redirect_are_checked_too(origin: Origin) -> None:
    origin.redirect("/d/p.yaml", "/elsewhere")
    network, detour = through(origin, [PUBLIC], ["10.0.0.1"])

    assert "not allowed" in await refusal(URL, HTTP, network)
    assert len(detour.dialled) == 1


async def test_redirects_end_after_ten(origin: Origin) -> None:
    for step in range(REDIRECTS_MAX):
        origin.redirect(f"/{step}", f"/{step + 1}")
    origin.answer(f"/{REDIRECTS_MAX}", b"x")
    network, _ = through(origin)
    assert await fetch("http://github.com/0", HTTP, network=network) == ("0", b"x")

    origin.redirect(f"/{REDIRECTS_MAX}", "/0")
    origin.requests.clear()
    assert "more than 10" in await refusal("http://github.com/0", HTTP, network)
    assert len(origin.requests) == REDIRECTS_MAX + 1


@pytest.mark.parametrize("status", [201, 204, 206, 304, 400, 401, 404, 500, 503])
async def test_other_statuses_than_200_are_refused(origin: Origin, status: int) -> None:
    origin.answer("/d/p.yaml", b"" if status in (204, 304) else b"a: b\n", status=status)

    assert str(status) in await refusal(URL, HTTP, through(origin)[0])


async def test_a_redirect_without_a_location_is_refused(origin: Origin) -> None:
    origin.answer("/d/p.yaml", status=302)

    assert "302" in await refusal(URL, HTTP, through(origin)[0])


async def test_a_package_may_be_as_large_as_the_limit_and_no_larger(origin: Origin) -> None:
    settings = Settings(package_url_allow_http=True, package_bytes_max=1000)
    origin.answer("/d/p.yaml", b"x" * 1000)
    assert await fetch(URL, settings, network=through(origin)[0]) == ("p.yaml", b"x" * 1000)

    origin.answer("/d/p.yaml", b"x" * 1001)
    assert "larger than 1000 bytes" in await refusal(URL, settings, through(origin)[0], reason="PACKAGE_TOO_LARGE")


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"x" * 1024 + b"\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 1024),
    ],
    ids=["chunks", "until the end"],
)
async def test_a_package_without_end_is_cut_off_at_the_limit(origin: Origin, head: bytes, piece: bytes) -> None:
    # A limit that is reached long before the time is over, and an end far behind it for a fetch that ignores the limit.
    settings = Settings(
        package_url_allow_http=True, package_bytes_max=10_000, package_url_timeout_seconds=NEVER_SECONDS
    )
    origin.answers["/d/p.yaml"], origin.endless, origin.pieces_max = head, piece, 1_000

    assert "larger than" in await refusal(URL, settings, through(origin)[0], reason="PACKAGE_TOO_LARGE")


async def test_headers_without_end_are_refused(origin: Origin) -> None:
    origin.answers["/d/p.yaml"] = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"

    assert "could not be fetched" in await refusal(URL, HTTP, through(origin)[0])


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", b"x"])
async def test_answers_that_are_no_whole_http_are_refused(origin: Origin, answer: bytes) -> None:
    origin.answers["/d/p.yaml"] = answer

    assert "could not be fetched" in await refusal(URL, HTTP, through(origin)[0])


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], ids=["silent", "slow"]
)
async def test_what_does_not_answer_in_time_is_refused(origin: Origin, answer: bytes) -> None:
    origin.answers["/d/p.yaml"], origin.endless = answer, b"1\r\nx\r\n" if answer else b""
    settings = Settings(package_url_allow_http=True, package_url_timeout_seconds=0.3, package_bytes_max=2**40)
    began = time.monotonic()

    assert "in time" in await refusal(URL, settings, through(origin)[0])
    assert time.monotonic() - began < 5


async def test_a_refused_connection_is_the_clients_mistake() -> None:
    async with Origin().running() as closed:
        pass

    url = f"http://127.0.0.1:{closed.port}/p.yaml"
    assert "could not be fetched" in await refusal(url, Settings(package_url_validation=False), Network())


async def test_a_host_that_is_unknown_is_the_clients_mistake_with_validation_off() -> None:
    url = "http://no-such-host.invalid/p.yaml"
    assert "could not be fetched" in await refusal(url, Settings(package_url_validation=False), Network())


async def test_compressed_answers_are_neither_asked_for_nor_inflated(origin: Origin) -> None:
    origin.answer("/d/p.yaml", b"\x1f\x8bpacked", headers="Content-Encoding: gzip\r\n")

    assert await fetch(URL, HTTP, network=through(origin)[0]) == ("p.yaml", b"\x1f\x8bpacked")
    assert "Accept-Encoding: identity" in origin.requests[0]


async def test_paths_outside_ascii_are_escaped_and_escapes_stay(origin: Origin) -> None:
    origin.answer("/%C3%BC%20/p.yaml?q=%C3%BC&r=%2F", b"x")

    assert await fetch("http://github.com/ü%20/p.yaml?q=ü&r=%2F", HTTP, network=through(origin)[0]) == ("p.yaml", b"x")


def certified(names: list[str]) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate for the names, and a client's that trusts its authority."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(*names).configure_cert(server)
    authority.configure_trust(client)
    return server, client


async def secure_fetch(names: list[str], *, trusts: Callable[[ssl.SSLContext], ssl.SSLContext]) -> tuple[str, bytes]:
    server, client = certified(names)
    async with Origin().running(tls=server) as secure:
        secure.answer("/d/p.yaml", b"a: b\n")
        network = Network(resolve=Names([PUBLIC]), backend=Detour(secure.port), trust=trusts(client))
        return await fetch("https://github.com/d/p.yaml", Settings(), network=network)


async def test_tls_wants_a_certificate_for_the_name_although_an_address_is_dialled() -> None:
    assert await secure_fetch(["github.com"], trusts=lambda client: client) == ANSWERED

    for names in (["example.com"], [PUBLIC], ["www.github.com"]):
        with pytest.raises(InvalidArgument, match="could not be fetched"):
            await secure_fetch(names, trusts=lambda client: client)


async def test_tls_wants_a_certificate_of_a_known_authority() -> None:
    with pytest.raises(InvalidArgument, match="could not be fetched"):
        await secure_fetch(["github.com"], trusts=lambda client: ssl.create_default_context())
