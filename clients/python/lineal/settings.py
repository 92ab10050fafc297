"""How a client reaches its server: one frozen object, made from arguments and LINEAL_* variables.

Called by both clients and by the command line. An argument goes before its variable, and that before the default.
"""

import ipaddress
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

from lineal.errors import SettingsError

KFP_TOKEN_FILE = "/var/run/secrets/kfp/token"
"""Where Kubeflow Pipelines mounts the token of a pod's service account."""

PORT = 8887
"""The port of a target that names none: that of the server's gRPC door."""

KEEPALIVE_SECONDS_MIN = 10.0
"""gRPC servers close connections that ping more often."""

_HOST = re.compile(r"\[[0-9A-Fa-f:.%]+\]|[^\s\[\]:/,@]+")
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")


def _setting(default: Any, meaning: str, *, is_secret: bool = False) -> Any:
    return field(default=default, metadata={"meaning": meaning}, repr=not is_secret)


@dataclass(frozen=True)
class Settings:
    """Everything about a connection that can be chosen. Its text form leaves out the token."""

    server: str = _setting(
        "127.0.0.1:8887",
        "Where the server is: HOST:PORT, or several, separated by commas, that take turns. A name with several addresses "
        "stands for all of them; port 8887 if none is given",
    )
    tls: bool | None = _setting(
        None, "Whether to use TLS. By default it is used if ca_file or cert_file is given, and otherwise not"
    )
    ca_file: str = _setting("", "A file with the certificates (PEM) to trust, instead of those of the system")
    cert_file: str = _setting("", "A file with the client's own certificate (PEM), for mutual TLS; needs key_file")
    key_file: str = _setting("", "A file with the key (PEM) of cert_file")
    token: str = _setting("", "A bearer token that is sent with each call", is_secret=True)
    token_file: str = _setting(
        "",
        f"A file with the bearer token, read again when it changes. By default {KFP_TOKEN_FILE}, if that exists and the "
        "connection is one that may carry it",
    )
    plain_text_token: bool = _setting(
        False, "Send the token also without TLS to another host than this one, where everybody on the way can read it"
    )
    timeout_seconds: float = _setting(30.0, "How long a call may take, with all its attempts")
    retries: int = _setting(8, "How often a call that failed is sent again at most, if that is safe; 0 for never")
    keepalive_seconds: float = _setting(
        10.0, "How long a connection with a call in flight may be silent before the server is asked for a sign of life"
    )

    def __post_init__(self) -> None:
        """Raise SettingsError for a value that cannot be used, or values that contradict each other."""
        for setting in fields(self):
            _check_type(setting, getattr(self, setting.name))
        for check in _CHECKS:
            check(self)

    @property
    def targets(self) -> tuple[str, ...]:
        """The servers, each as HOST:PORT or in a form of gRPC's such as unix:/path."""
        return tuple(_target(text.strip()) for text in self.server.split(","))

    @property
    def uses_tls(self) -> bool:
        """Whether connections are encrypted."""
        return bool(self.ca_file or self.cert_file) if self.tls is None else self.tls

    @property
    def may_carry_token(self) -> bool:
        """Whether a token may be sent: over TLS, to this host only, or because `plain_text_token` says so."""
        return self.uses_tls or self.plain_text_token or all(_is_loopback(target) for target in self.targets)


def load(arguments: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings; arguments that are None were not given. Raises SettingsError, also for an unknown name."""
    environ = os.environ if environ is None else environ
    known = {setting.name: setting for setting in fields(Settings)}
    unknown = sorted(arguments.keys() - known.keys())
    if unknown:
        raise SettingsError(f"there is no setting {unknown[0]!r}; there are {', '.join(known)}")
    values = {name: value for name, value in arguments.items() if value is not None}
    # One source for the token: an argument is not to be contradicted by what the environment happens to have.
    token_given = "token" in values or "token_file" in values
    for name, setting in known.items():
        text = environ.get(variable_of(name), "")
        if text and name not in values and not (token_given and name in ("token", "token_file")):
            values[name] = _parse(setting, text)
    return Settings(**values)


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"LINEAL_{name.upper()}"


def _parse(setting: Field[Any], text: str) -> Any:
    variable = variable_of(setting.name)
    if setting.type in (bool, bool | None):
        if text.lower() not in _TRUE + _FALSE:
            raise SettingsError(f"{variable} must be true or false, not {text!r}")
        return text.lower() in _TRUE
    if setting.type is str:
        return text
    try:
        return int(text) if setting.type is int else float(text)
    except ValueError:
        what = "a whole number" if setting.type is int else "a number"
        raise SettingsError(f"{variable} must be {what}, not {text!r}") from None


def _check_type(setting: Field[Any], value: Any) -> None:
    if setting.type is float:
        valid = isinstance(value, int | float) and not isinstance(value, bool)
    elif setting.type is int:
        valid = isinstance(value, int) and not isinstance(value, bool)
    else:
        valid = isinstance(value, setting.type)  # type: ignore[arg-type]
    if not valid:
        name = "bool" if setting.type == bool | None else setting.type.__name__  # type: ignore[union-attr]
        raise SettingsError(f"{setting.name} must be of type {name}, not {type(value).__name__}")


def _target(text: str) -> str:
    if text.startswith(("unix:", "unix-abstract:")):
        return text
    name, colon, port = text.removeprefix("dns:///").removeprefix("dns:").rpartition(":")
    if not colon or (text.count(":") > 1 and text.endswith("]")):
        name, port = text.removeprefix("dns:///").removeprefix("dns:"), str(PORT)
    valid_port = port.isascii() and port.isdigit() and 0 < int(port) < 65_536
    if "://" in text and not text.startswith("dns:"):
        raise SettingsError(f"the server {text!r} is not HOST:PORT; leave out {text.partition('://')[0]}://")
    if not _HOST.fullmatch(name) or not valid_port:
        raise SettingsError(f"the server {text!r} is not HOST:PORT, such as 127.0.0.1:{PORT} or [::1]:{PORT}")
    return f"{name}:{port}"


def _is_loopback(target: str) -> bool:
    if target.startswith(("unix:", "unix-abstract:")):
        return True
    host = target.rpartition(":")[0].strip("[]")
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_targets(settings: Settings) -> None:
    if len(set(settings.targets)) != len(settings.targets):
        raise SettingsError(f"the server {settings.server!r} names an address twice")


def _check_tls(settings: Settings) -> None:
    if settings.tls is False and (settings.ca_file or settings.cert_file or settings.key_file):
        raise SettingsError("tls is off, but ca_file, cert_file or key_file is given; leave out one of them")
    if bool(settings.cert_file) != bool(settings.key_file):
        raise SettingsError("cert_file and key_file must be given together")


def _check_token(settings: Settings) -> None:
    if settings.token and settings.token_file:
        raise SettingsError("token and token_file must not be given together")
    if settings.token and not (settings.token.isascii() and settings.token.isprintable()):
        raise SettingsError("the token has characters that cannot be sent, such as a line break")
    if (settings.token or settings.token_file) and not settings.may_carry_token:
        raise SettingsError(
            f"the token would be sent to {settings.server} without TLS; set tls or ca_file, "
            "or plain_text_token if everybody on the way may read it"
        )


def _check_times(settings: Settings) -> None:
    for name, least in (("timeout_seconds", 0.0), ("keepalive_seconds", KEEPALIVE_SECONDS_MIN)):
        value = getattr(settings, name)
        if not math.isfinite(value) or value < least or not value:
            raise SettingsError(f"{name} must be {f'at least {least:g}' if least else 'more than 0'}, not {value:g}")
    if settings.retries < 0:
        raise SettingsError(f"retries must be at least 0, not {settings.retries}")


_CHECKS: tuple[Callable[[Settings], None], ...] = (_check_targets, _check_tls, _check_token, _check_times)
