"""Settings of a connection: where they come from, and which ones are refused."""

from typing import Any

import pytest
from lineal.errors import SettingsError
from lineal.settings import Settings, load, variable_of


def test_an_argument_goes_before_its_variable_and_that_before_the_default() -> None:
    environment = {"LINEAL_SERVER": "b:1", "LINEAL_RETRIES": "2", "LINEAL_TLS": "yes"}
    settings = load({"server": "a:1", "retries": None}, environment)
    assert (settings.server, settings.retries, settings.tls, settings.timeout_seconds) == ("a:1", 2, True, 30.0)
    assert load({}, {"LINEAL_SERVER": ""}).server == Settings.server == "127.0.0.1:8887"


def test_a_token_that_is_given_goes_before_every_variable() -> None:
    assert load({"token": "mine"}, {"LINEAL_TOKEN_FILE": "/other"}).token_file == ""


@pytest.mark.parametrize(
    ("server", "targets"),
    [
        ("h:1", ["h:1"]),
        ("h", ["h:8887"]),
        (" h:1 , [::1]:2,[fe80::1]", ["h:1", "[::1]:2", "[fe80::1]:8887"]),
        ("dns:///h:1", ["h:1"]),
        ("unix:/tmp/s", ["unix:/tmp/s"]),
    ],
)
def test_servers_are_names_or_addresses_with_a_port(server: str, targets: list[str]) -> None:
    assert list(Settings(server=server).targets) == targets


@pytest.mark.parametrize(
    "server", ["", "h:", "h:0", "h:65536", "h:x", "::1", "a b:1", "h:1,", "http://h:1", "h:1/p", "u@h:1"]
)
def test_what_is_not_a_server_is_refused(server: str) -> None:
    with pytest.raises(SettingsError, match="is not HOST:PORT"):
        Settings(server=server)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"server": "h:1,h:1"}, "names an address twice"),
        ({"tls": False, "ca_file": "c"}, "tls is off, but ca_file"),
        ({"cert_file": "c"}, "cert_file and key_file must be given together"),
        ({"token": "a", "token_file": "b"}, "must not be given together"),
        ({"token": "a\nb"}, "characters that cannot be sent"),
        ({"token": "a", "server": "far:1"}, "would be sent to far:1 without TLS"),
        ({"token": "a", "server": "127.0.0.1:1,far:1"}, "without TLS"),
        ({"timeout_seconds": 0.0}, "timeout_seconds must be more than 0, not 0"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds must be more than 0, not inf"),
        ({"keepalive_seconds": 5}, "keepalive_seconds must be at least 10, not 5"),
        ({"retries": -1}, "retries must be at least 0, not -1"),
        ({"retries": True}, "retries must be of type int, not bool"),
        ({"tls": "yes"}, "tls must be of type bool, not str"),
        ({"sever": "h:1"}, "there is no setting 'sever'; there are server, "),
    ],
)
def test_what_cannot_be_used_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load(arguments, {})


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("tls", "on", "LINEAL_TLS must be true or false, not 'on'"),
        ("retries", "2.5", "LINEAL_RETRIES must be a whole number, not '2.5'"),
        ("timeout_seconds", "soon", "LINEAL_TIMEOUT_SECONDS must be a number, not 'soon'"),
    ],
)
def test_variables_that_cannot_be_read_are_refused(name: str, text: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load({}, {variable_of(name): text})


@pytest.mark.parametrize("server", ["localhost:1", "127.0.0.9:1", "[::1]:1", "unix:/tmp/s", "LOCALHOST.:1"])
def test_a_token_may_go_to_this_host_without_tls(server: str) -> None:
    assert Settings(server=server, token="t").may_carry_token


def test_a_token_goes_elsewhere_over_tls_or_when_that_is_asked_for() -> None:
    assert Settings(server="far:1", token="t", tls=True).may_carry_token
    assert Settings(server="far:1", token="t", ca_file="c").uses_tls
    assert Settings(server="far:1", token="t", plain_text_token=True).may_carry_token


def test_the_text_of_settings_has_no_token() -> None:
    assert "secret" not in repr(Settings(token="secret"))
