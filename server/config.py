"""Settings: one frozen object. Flags, LINEAL_* variables, the TOML file and the documentation are derived from its fields.

Precedence: flag, variable, file, default. With unsafe or meaningless values the server does not start; the error says how to correct them.
"""

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields, replace
from typing import Any

from server.passwords import PasswordRefused, with_password_of
from server.web_origins import HostList, OriginList
from storage.record import record
from storage.redaction import without_secrets

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
_LARGEST_MESSAGE_BYTES = 2**31 - 1
_URL = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*/?")
_SAME_HOST = {"localhost": "127.0.0.1"}
_LARGEST_BULK = 10_000  # PostgreSQL binds 32,767 values, and a list of links can have ids of three kinds


SETTINGS_FILE_VARIABLE = "LINEAL_SETTINGS_FILE"
"""The variable that names the file with settings, in place of a flag."""


class InvalidSetting(Exception):
    """A setting cannot be used; the text says which one and why."""


def _setting(default: Any, meaning: str, *, is_secret: bool = False) -> Any:
    return field(default=default, metadata={"meaning": meaning}, repr=not is_secret)


@record
class Settings:
    """Everything an operator can change."""

    store: str = _setting(
        "sqlite:///data/lineal.sqlite",
        "Where data is stored: sqlite:///file, postgresql://… or mysql://…",
        is_secret=True,
    )
    store_password_file: str = _setting(
        "", "A file with the password of the database user; the URL of the store then has none"
    )
    grpc: str = _setting("127.0.0.1:8887", "Address of the gRPC door, HOST:PORT; port 0 means any free port")
    rest: str = _setting("127.0.0.1:8888", "Address of the REST door, HOST:PORT; port 0 means any free port")
    ui_url: str = _setting(
        "",
        "Address of the web UI as browsers reach it, such as https://lineal.example/; empty means that of the REST door",
    )
    admin: str = _setting(
        "",
        "Address of a further HTTP door with health and metrics only, HOST:PORT, which answers from its own thread; empty "
        "means none",
    )
    workers: int = _setting(
        1, "Number of server processes, which share both ports; more than one needs PostgreSQL or MySQL"
    )
    upgrade: bool = _setting(False, "Upgrade the schema of a server database at start (SQLite always does)")
    pool_size: int = _setting(10, "Size of the write pool and of the read pool, per process")
    pool_timeout_seconds: float = _setting(5.0, "No longer used: a call waits for a free connection until its deadline")
    page_size_default: int = _setting(20, "Rows per page when a request does not give a page size")
    page_size_max: int = _setting(200, "Maximum rows per page; larger page sizes are reduced to it")
    full_page_size_max: int = _setting(100, "Maximum runs per page when they include their tasks")
    message_bytes_max: int = _setting(100 * MEBIBYTE, "Maximum size of a request")
    bytes_in_flight_max: int = _setting(
        512 * MEBIBYTE, "Maximum size of all requests and responses that a process holds at once; further requests wait"
    )
    calls_max: int = _setting(10_000, "Maximum number of gRPC calls that a process works on at once")
    call_seconds_max: float = _setting(
        120.0, "How long a gRPC call may take, even if its caller waits longer or sets no deadline"
    )
    rest_seconds: float = _setting(60.0, "How long a REST call may take before it fails with status 504")
    http_header_seconds: float = _setting(5.0, "How long a client may take to send the path and headers of a request")
    http_body_seconds: float = _setting(60.0, "How long a client may take to send the body of a request")
    http_idle_seconds: float = _setting(
        75.0, "How long a connection may be idle, or not read a response; the latter over gRPC too"
    )
    http_header_bytes_max: int = _setting(512 * KIBIBYTE, "Maximum size of the path and headers of a request")
    http_connections_max: int = _setting(
        500,
        "Maximum number of HTTP connections per process; above it, the one that has been idle for longest is closed",
    )
    connections_per_peer_max: int = _setting(
        0,
        "Maximum number of HTTP connections per address and process, 0 for any number; a proxy is one address, and gRPC "
        "connections do not count",
    )
    cors_origins: str = _setting(
        "", "Origins of other sites whose pages may read and write over REST, separated by commas; * means every origin"
    )
    allowed_hosts: str = _setting(
        "",
        "Host names that REST requests may be sent to, in addition to IP addresses and localhost, separated by commas; "
        "* means every name; empty means none if the REST address is a loopback address, otherwise every name",
    )
    commit_sha: str = _setting("unknown", "Commit that the server reports, for clients that show it")
    tag_name: str = _setting("unknown", "Release that the server reports, for clients that show it")
    bulk_items_max: int = _setting(10_000, "Maximum number of items per bulk call")
    cancel_grace_seconds: float = _setting(
        300.0,
        "How long a terminated run with running tasks may go without updates before it is CANCELED, and tasks that run on after "
        "that before they are FAILED",
    )
    abandoned_hours: float = _setting(
        0.0, "How long an unfinished run may go without a write before it is FAILED; 0 means for any time"
    )
    sweep_seconds: float = _setting(
        5.0,
        "How often the server looks for such runs and for last runs that experiments missed, and, every twelfth time, for old "
        "idempotency keys",
    )
    idempotency_hours: float = _setting(
        24.0, "How long the answer of a call with an idempotency key is kept at least, for when the call is sent again"
    )
    drain_seconds: float = _setting(10.0, "How long calls in progress may take after SIGTERM")
    reflection: bool = _setting(True, "Whether gRPC reflection is served")
    service_account: str = _setting("pipeline-runner", "Service account of runs that do not name one")
    package_bytes_max: int = _setting(32 * MEBIBYTE, "Maximum size of a pipeline package, packed and unpacked")
    package_url_validation: bool = _setting(
        True, "Whether package URLs are checked before and while they are fetched; if not, they can reach any host"
    )
    package_url_allow_http: bool = _setting(False, "Whether package URLs may also use http, on port 80")
    package_url_allowed_domains: str = _setting(
        "", "Hosts that package URLs may name in addition to the usual ones, separated by commas; * matches any text"
    )
    package_url_timeout_seconds: float = _setting(30.0, "How long fetching a package URL may take, redirects included")
    log_level: str = _setting("info", "debug, info, warning or error")
    log_format: str = _setting("json", "json or text")

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.type not in (int, float) or setting.name == "workers":
                continue
            if setting.name in _ZERO_ALLOWED and value == 0:
                continue
            if not (0 < value < math.inf):
                raise InvalidSetting(f"{setting.name} must be a number greater than 0")
        for name, why in _CHECKS:
            if (sentence := why(self)) is not None:
                raise InvalidSetting(f"{name} {sentence}")


def _address(name: str) -> Callable[[Settings], str | None]:
    def why(settings: Settings) -> str | None:
        host, separator, port = getattr(settings, name).rpartition(":")
        if separator and host and port.isascii() and port.isdigit() and int(port) <= 65535:
            return None
        return "must be HOST:PORT, such as 127.0.0.1:8887"

    return why


def _not_at(name: str, *others: str) -> Callable[[Settings], str | None]:
    def why(settings: Settings) -> str | None:
        address: str = getattr(settings, name)
        for other in others:
            theirs: str = getattr(settings, other)
            if address == theirs and not address.endswith(":0"):
                return f"must not be the address of {other}, {theirs}"
            if address and _overlap(address, theirs):
                return f"is {address}, and {other} is {theirs}: both would listen on the same address and port"
        return None

    return why


def _overlap(one: str, other: str) -> bool:
    """Return whether a connection to one address could reach a server on the other; port 0 is a port of its own."""
    (host, _, port), (other_host, _, other_port) = one.rpartition(":"), other.rpartition(":")
    if int(port) != int(other_port) or int(port) == 0:
        return False
    hosts = {_SAME_HOST.get(each, each) for each in (host.strip("[]").lower(), other_host.strip("[]").lower())}
    is_only_ipv4 = not any(":" in each for each in hosts)
    return len(hosts) == 1 or "::" in hosts or ("0.0.0.0" in hosts and is_only_ipv4)


def _url(name: str) -> Callable[[Settings], str | None]:
    def why(settings: Settings) -> str | None:
        if not (value := getattr(settings, name)) or _URL.fullmatch(value):
            return None
        return "must be an address of a web page without a query, such as https://lineal.example/"

    return why


def _at_most(name: str, most: int, because: str) -> Callable[[Settings], str | None]:
    return lambda settings: f"must be at most {most}: {because}" if getattr(settings, name) > most else None


def _one_of(name: str, *values: str) -> Callable[[Settings], str | None]:
    choices = f"{', '.join(values[:-1])} or {values[-1]}"
    return lambda settings: None if getattr(settings, name) in values else f"must be {choices}"


def _list_of(name: str, parse: Callable[[str], object]) -> Callable[[Settings], str | None]:
    def why(settings: Settings) -> str | None:
        try:
            parse(getattr(settings, name))
        except ValueError as error:
            return f"must list origins or names, separated by commas: {error}"
        return None

    return why


def _workers(settings: Settings) -> str | None:
    if not 1 <= settings.workers <= 256:
        return "must be between 1 and 256"
    if settings.workers > 1 and settings.store.startswith("sqlite"):
        return "must be 1 with SQLite, whose file can have only one writing process"
    return None


_CHECKS: tuple[tuple[str, Callable[[Settings], str | None]], ...] = (
    ("grpc", _address("grpc")),
    ("rest", _address("rest")),
    ("admin", lambda settings: _address("admin")(settings) if settings.admin else None),
    (
        "message_bytes_max",
        _at_most("message_bytes_max", _LARGEST_MESSAGE_BYTES, "gRPC does not support larger messages"),
    ),
    ("bulk_items_max", _at_most("bulk_items_max", _LARGEST_BULK, "a database statement cannot hold more values")),
    ("workers", _workers),
    ("rest", _not_at("rest", "grpc")),
    ("admin", _not_at("admin", "grpc", "rest")),
    ("cors_origins", _list_of("cors_origins", OriginList)),
    ("allowed_hosts", _list_of("allowed_hosts", HostList)),
    ("ui_url", _url("ui_url")),
    ("log_level", _one_of("log_level", "debug", "info", "warning", "error")),
    ("log_format", _one_of("log_format", "json", "text")),
)
"""The checks of settings by name: each returns why the value cannot be used, or None."""


def _is_more(name: str, than: str, because: str) -> Callable[[Settings], str | None]:
    def why(settings: Settings) -> str | None:
        value, most = getattr(settings, name), getattr(settings, than)
        return f"{name} is {value} and {than} is {most}: {because}" if value > most else None

    return why


def _unused_domains(settings: Settings) -> str | None:
    if settings.package_url_validation or not settings.package_url_allowed_domains:
        return None
    return "package_url_allowed_domains lists hosts, but package_url_validation is off: any host could be reached; turn it on"


_CONTRADICTIONS: tuple[Callable[[Settings], str | None], ...] = (
    _is_more("page_size_default", "page_size_max", "pages without a size would be larger than any may be"),
    _is_more("message_bytes_max", "bytes_in_flight_max", "one request would be more than all may be together"),
    _is_more(
        "connections_per_peer_max", "http_connections_max", "one address would have more connections than there are"
    ),
    _is_more("sweep_seconds", "cancel_grace_seconds", "runs would wait for the sweep, not for the grace that is set"),
    _unused_domains,
)
"""What an operator cannot mean, setting by setting valid. Programs that make Settings may: tests use a small budget, or no sweep."""


_ZERO_ALLOWED = ("abandoned_hours", "connections_per_peer_max")
"""Settings whose 0 means that there is no limit."""

_IGNORED = ("pool_timeout_seconds",)
"""Settings that are accepted so that servers start which have them, and do nothing."""


def ignored_settings(settings: Settings) -> list[str]:
    """Return the names of settings that differ from their defaults and do nothing."""
    return [
        each.name for each in fields(Settings) if each.name in _IGNORED and getattr(settings, each.name) != each.default
    ]


def variables() -> frozenset[str]:
    """Return the names of all environment variables that are read."""
    return frozenset({SETTINGS_FILE_VARIABLE, *(variable_of(setting.name) for setting in fields(Settings))})


def setting_fields() -> tuple[Field[Any], ...]:
    """Return the fields of Settings, for flags and documentation."""
    return fields(Settings)


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"LINEAL_{name.upper()}"


def load(flags: Mapping[str, Any], *, file: str | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the effective settings; `flags` has the values from the command line, None for flags that were not given.

    The URL of the store has the password from its file. Raises InvalidSetting, also for settings that contradict each other.
    """
    file = file or environ.get(SETTINGS_FILE_VARIABLE)
    from_file = _read_file(file) if file else {}
    values: dict[str, Any] = {}
    for setting in fields(Settings):
        variable = environ.get(variable_of(setting.name))
        if flags.get(setting.name) is not None:
            values[setting.name] = flags[setting.name]
        elif variable is not None:
            values[setting.name] = _parse(setting, variable)
        elif setting.name in from_file:
            values[setting.name] = _check_type(setting, from_file[setting.name])
    settings = Settings(**values)
    for why in _CONTRADICTIONS:
        if (sentence := why(settings)) is not None:
            raise InvalidSetting(sentence)
    return replace(settings, store=_with_password(settings)) if settings.store_password_file else settings


def _with_password(settings: Settings) -> str:
    try:
        return with_password_of(
            settings.store_password_file, settings.store, option="store_password_file", what="the store"
        )
    except PasswordRefused as error:
        raise InvalidSetting(str(error)) from None


def _read_file(path: str) -> dict[str, Any]:
    import tomllib  # most settings come from elsewhere, and it compiles long expressions

    shown = without_secrets(path)  # it may be the URL of the store
    try:
        with open(path, "rb") as file:
            content = tomllib.load(file)
    except OSError as error:
        raise InvalidSetting(f"the settings file {shown} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSetting(f"the settings file {shown} is not TOML: {error}") from error
    unknown = sorted(content.keys() - {setting.name for setting in fields(Settings)})
    if unknown:
        raise InvalidSetting(f"the settings file {shown} has unknown settings: {', '.join(unknown)}")
    return content


def _parse(setting: Field[Any], text: str) -> Any:
    if setting.type is bool:
        if text.lower() not in ("true", "false", "1", "0", "yes", "no"):
            raise InvalidSetting(f"{variable_of(setting.name)} must be true or false")
        return text.lower() in ("true", "1", "yes")
    try:
        return setting.type(text)  # type: ignore[operator]
    except ValueError as error:
        raise InvalidSetting(f"{variable_of(setting.name)} must be a number, not {text!r}") from error


def _check_type(setting: Field[Any], value: Any) -> Any:
    if setting.type is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not setting.type:
        raise InvalidSetting(f"{setting.name} in the settings file must be a {setting.type.__name__}")  # type: ignore[union-attr]
    return value
