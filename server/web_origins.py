"""Hosts and origins as browsers write them, read strictly. The settings and the browser guard of the REST door call this.

Origins are those of RFC 6454: scheme, host and port, where the default port of http and https may be left out.
"""

import ipaddress
import re

from storage.record import record
from storage.redaction import without_secrets

ANY = "*"
"""Means every origin, or every host, in a setting."""

LOCALHOST = "localhost"

_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")


@record
class Host:
    """A host in lower case, an IPv6 address in brackets, and its port, if given."""

    name: str
    port: int | None

    @property
    def is_address(self) -> bool:
        """Whether this is an IP address, which no DNS server can redirect."""
        try:
            ipaddress.ip_address(self.name.strip("[]"))
        except ValueError:
            return False
        return True


@record
class Origin:
    """Where a page came from; the port is None only if the scheme has no default port."""

    scheme: str
    host: str
    port: int | None

    def is_at(self, host: Host) -> bool:
        """Return whether a host is this origin's; without a port it has the default port of the origin's scheme."""
        return host.name == self.host and (host.port or _PORTS.get(self.scheme)) == self.port


def read_host(text: str) -> Host | None:
    """Return the host of a Host header, None when it is malformed."""
    match = _HOST.fullmatch(text)
    if match is None:
        return None
    # A name may end with a dot, which marks it as fully qualified.
    name = match[1].lower().removesuffix(".")
    port = int(match[2]) if match[2] else None
    return None if not name or (port or 0) > 65535 else Host(name, port)


def read_origin(text: str) -> Origin | None:
    """Return the origin of an Origin header, None for `null` and anything else that is not an origin."""
    scheme, separator, rest = text.partition("://")
    host = read_host(rest)
    if not separator or host is None or not _SCHEME.fullmatch(scheme):
        return None
    scheme = scheme.lower()
    return Origin(scheme, host.name, host.port or _PORTS.get(scheme))


class OriginList:
    """The origins that a setting lists, separated by commas; `*` lists every origin. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.has_any = ANY in words
        self._origins: set[Origin] = set()
        for word in words:
            origin = read_origin(word.removesuffix("/"))
            if origin is not None:
                self._origins.add(origin)
            elif word != ANY:
                raise ValueError(f"{without_secrets(word)!r} is not an origin such as https://example.org:8080")

    def __bool__(self) -> bool:
        return self.has_any or bool(self._origins)

    def __contains__(self, text: str) -> bool:
        return self.has_any or read_origin(text) in self._origins


class HostList:
    """The hosts that a setting lists, separated by commas; `*` lists every host. Raises ValueError for anything else."""

    def __init__(self, text: str) -> None:
        words = _words(text)
        self.has_any = ANY in words
        self._names: set[str] = set()
        for word in words:
            host = read_host(word)
            if host is not None and host.port is None:
                self._names.add(host.name)
            elif word != ANY:
                raise ValueError(
                    f"{without_secrets(word)!r} is not a host name such as lineal.example.org, without a port"
                )

    def __bool__(self) -> bool:
        return self.has_any or bool(self._names)

    def __contains__(self, name: str) -> bool:
        return self.has_any or name in self._names


def is_loopback(address: str) -> bool:
    """Return whether an address HOST:PORT to listen on can be reached from this machine only."""
    host = address.rpartition(":")[0].strip("[]").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == LOCALHOST


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
