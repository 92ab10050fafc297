"""Package URLs: which of them may be fetched, and how. The creation of pipelines and versions from URLs calls this.

The guard prevents clients from using the server to reach hosts that only the server can reach. A host is resolved when a
URL is checked and again when it is connected to; the connection goes to the address that was checked the second time, so a
name that changes its address in between bypasses nothing. Redirects are checked like the first URL.
"""

import asyncio
import functools
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import SplitResult, quote, urljoin, urlsplit

import httpcore2

from server.config import Settings
from server.errors import InvalidArgument
from server.packages.archives import too_large
from storage.record import record

REASON = "INVALID_PACKAGE_URL"
ALLOWED_HOSTS = ("storage.googleapis.com", "s3.amazonaws.com", "github.com", "raw.githubusercontent.com")
REDIRECTS_MAX = 10

_PORTS = {"https": 443, "http": 80}
_REDIRECTS = (301, 302, 303, 307, 308)
# Of a compressed response, only the compressed size would be known.
_HEADERS = (("User-Agent", "lineal-server"), ("Accept-Encoding", "identity"), ("Connection", "close"))
_SAFE = "/%:@!$&'()*+,;=~?"
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Resolves a host: (host, port) → addresses. Raises OSError."""


async def system_resolve(host: str, port: int) -> list[str]:
    """Return the addresses that the system's resolver has for a host, in its order. Raises OSError."""
    try:
        entries = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError(f"{host!r} is not a host name") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in entries))


@record
class Network:
    """The network access of a fetch; None stands for the system's."""

    resolve: Resolve = system_resolve
    backend: httpcore2.AsyncNetworkBackend | None = None
    trust: ssl.SSLContext | None = None


SYSTEM = Network()


def file_name(url: str) -> str:
    """Return the last element of a URL's path, without the query. Raises InvalidArgument when it is not a URL."""
    return _split(url).path.rpartition("/")[2]


def last_element(url: str) -> str:
    """Return the last element of a URL's path with its query: the name of a pipeline that was created without one.

    Raises InvalidArgument when it is not a URL.
    """
    parts = _split(url)
    return file_name(url) + (f"?{parts.query}" if parts.query else "")


async def check_url(url: str, settings: Settings, *, resolve: Resolve = system_resolve) -> None:
    """Raise InvalidArgument unless the URL may be fetched. Everything the guard refuses gets the same sentence."""
    parts = _split(url)
    if settings.package_url_validation:
        _check_name(parts, settings)
        try:
            async with asyncio.timeout(settings.package_url_timeout_seconds):
                await _checked_addresses(parts.hostname or "", _port(parts), resolve)
        except TimeoutError as error:
            raise _not_allowed() from error


async def fetch(url: str, settings: Settings, *, network: Network = SYSTEM) -> tuple[str, bytes]:
    """Return the file name of a URL and its content, at most `package_bytes_max` bytes.

    Raises InvalidArgument when the guard refuses the URL or one that it redirects to, when there is no response in time, when
    its status is not 200, and when the content is larger.
    """
    name = file_name(url)
    try:
        async with asyncio.timeout(settings.package_url_timeout_seconds):
            for _ in range(REDIRECTS_MAX + 1):
                answer = await _get(url, settings, network)
                if isinstance(answer, bytes):
                    return name, answer
                url = answer
    except TimeoutError as error:
        raise _refusal("the package URL did not answer in time") from error
    raise _refusal(f"the package URL redirects more than {REDIRECTS_MAX} times")


async def _get(url: str, settings: Settings, network: Network) -> bytes | str:
    """Return the content of a URL, or the URL that it redirects to."""
    parts = _split(url)
    if settings.package_url_validation:
        _check_name(parts, settings)
    backend = _GuardedBackend(network, settings)
    trust = network.trust or (_system_trust() if parts.scheme == "https" else None)
    try:
        async with httpcore2.AsyncConnectionPool(ssl_context=trust, network_backend=backend) as pool:
            headers = [("Host", parts.netloc), *_HEADERS]
            async with pool.stream("GET", _target(parts), headers=headers) as response:
                location = _location(response.headers)
                if response.status in _REDIRECTS and location:
                    return urljoin(url, location)
                if response.status != 200:
                    raise _refusal(f"the package URL answered with HTTP status {response.status}")
                return await _body(response, settings.package_bytes_max)
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
        raise _refusal("the package URL could not be fetched") from error


async def _body(response: httpcore2.Response, limit: int) -> bytes:
    body = bytearray()
    async for piece in response.aiter_stream():
        body += piece
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def _location(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("utf-8", "replace") for name, value in headers if name.lower() == b"location"), "")


def _split(url: str) -> SplitResult:
    """Return the parts of a URL. Raises InvalidArgument unless it is an absolute http or https URL."""
    # urlsplit silently drops control characters, and readers of URLs disagree about backslashes.
    if re.search(r"[\x00-\x20\x7f\\]", url):
        raise _not_a_url()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise _not_a_url() from error
    # A user name would be stored in package_url, which everyone may read.
    if parts.scheme not in _PORTS or not host or port == 0 or "@" in parts.netloc:
        raise _not_a_url()
    if not re.fullmatch(r"[a-z0-9._-]+|[0-9a-f:.]+", host):
        raise _not_a_url()
    return parts


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _target(parts: SplitResult) -> httpcore2.URL:
    target = quote(parts.path or "/", safe=_SAFE)
    if parts.query:
        target += "?" + quote(parts.query, safe=_SAFE)
    return httpcore2.URL(scheme=parts.scheme, host=parts.hostname or "", port=_port(parts), target=target)


def _check_name(parts: SplitResult, settings: Settings) -> None:
    """Refuse schemes, ports and hosts that the settings do not allow."""
    schemes = ("https", "http") if settings.package_url_allow_http else ("https",)
    if parts.scheme not in schemes or _port(parts) != _PORTS[parts.scheme]:
        raise _not_allowed()
    patterns = [*ALLOWED_HOSTS, *settings.package_url_allowed_domains.lower().split(",")]
    if not any(_matches(pattern.strip(), parts.hostname or "") for pattern in patterns):
        raise _not_allowed()


def _matches(pattern: str, host: str) -> bool:
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*"), host) is not None


async def _checked_addresses(host: str, port: int, resolve: Resolve) -> list[str]:
    """Return the addresses of a host. Raises InvalidArgument when there are none or one of them is not public."""
    try:
        addresses = await resolve(host, port)
    except OSError as error:
        raise _not_allowed() from error
    if not addresses or not all(map(is_public, addresses)):
        raise _not_allowed()
    return addresses


def is_public(address: str) -> bool:
    """Return whether an address, and the IPv4 address that it stands for, if any, belong to the public internet."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local or ip.scope_id:
            return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects only to addresses that it has just checked; TLS still verifies the certificate against the host name."""

    def __init__(self, network: Network, settings: Settings) -> None:
        self._resolve = network.resolve
        self._backend = network.backend or httpcore2.AnyIOBackend()
        self._checks = settings.package_url_validation
        self._seconds = settings.package_url_timeout_seconds

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of the host that answers. Raises InvalidArgument when one of them is not public."""
        if self._checks:
            addresses = await _checked_addresses(host, port, self._resolve)
        else:
            addresses = await self._resolve(host, port)
        failure: Exception = OSError(f"{host} has no address")
        for address in addresses:
            # Each address gets its share of the time, so that one that does not respond cannot use it up.
            share = self._seconds / len(addresses)
            try:
                return await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
                failure = error
        raise failure


@functools.cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _not_a_url() -> InvalidArgument:
    return _refusal("the package URL is not an absolute http or https URL without a user name")


def _not_allowed() -> InvalidArgument:
    return _refusal("the package URL is not allowed")


def _refusal(sentence: str) -> InvalidArgument:
    return InvalidArgument(sentence, reason=REASON)
