"""Refuses requests that pages of other sites make a browser send: only this server's pages and listed origins are allowed.

A browser lets any page send simple requests to any host, including loopback. A page whose host name is later pointed at this
server (DNS rebinding) can even read the responses. The REST door runs these checks before anything else. Clients that are not
browsers may write from anywhere: they send neither Origin nor Sec-Fetch-Site (specified in the W3C's Fetch Metadata).
"""

from google.rpc import code_pb2

from server.calls.statuses import Status
from server.doors.http.messages import HttpRequest
from server.web_origins import LOCALHOST, HostList, OriginList, is_loopback, read_host, read_origin

SAFE_VERBS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Verbs that do not write on any route."""

_OWN_SITES = frozenset({"same-origin", "none"})
_SHOWN_CHARACTERS = 200


class BrowserGuard:
    """Checks the headers of requests. `address` is the configured HOST:PORT of the REST door."""

    def __init__(self, *, cors_origins: str, allowed_hosts: str, address: str) -> None:
        self._origins, self._hosts = OriginList(cors_origins), HostList(allowed_hosts)
        self._any_host = self._hosts.has_any or (not self._hosts and not is_loopback(address))

    def refusal(self, request: HttpRequest) -> tuple[Status, int] | None:
        """Return the status and the HTTP status with which a request must be refused; None if it may be served."""
        if not self._has_allowed_host(request):
            host = _shown(request.headers["host"])
            message = f"{host} is not an allowed host name; if it should be, add it to the setting allowed_hosts"
            return _refusal(421, code_pb2.PERMISSION_DENIED, "UNKNOWN_HOST", message)
        if request.verb in SAFE_VERBS or self._comes_from_own_page(request):
            return None
        return _refusal(403, code_pb2.PERMISSION_DENIED, "FOREIGN_ORIGIN", _foreign(request))

    def _has_allowed_host(self, request: HttpRequest) -> bool:
        header = request.headers.get("host")
        if self._any_host or header is None:  # Host is optional in HTTP/1.0; browsers always send it
            return True
        host = read_host(header)
        return host is not None and (host.is_address or host.name == LOCALHOST or host.name in self._hosts)

    def _comes_from_own_page(self, request: HttpRequest) -> bool:
        text = request.headers.get("origin")
        if self._origins.has_any or (text is not None and text in self._origins):
            return True
        site = request.headers.get("sec-fetch-site")
        if site is not None:
            return site in _OWN_SITES
        if text is None:
            return True
        origin = read_origin(text)
        # A page cannot set X-Forwarded-Host without a CORS preflight, which succeeds for listed origins only.
        names = [request.headers.get("host", ""), *request.headers.get("x-forwarded-host", "").split(",")]
        hosts = (read_host(name.strip()) for name in names)
        return origin is not None and any(host is not None and origin.is_at(host) for host in hosts)


def _refusal(http_status: int, code: int, reason: str, message: str) -> tuple[Status, int]:
    return Status(code, reason, message), http_status


def _foreign(request: HttpRequest) -> str:
    origin = request.headers.get("origin")
    if origin is None or read_origin(origin) is None:
        return (
            "a page of another site, without a valid Origin header, may not write to this server; "
            "only pages of this server and of the origins in the setting cors_origins may"
        )
    shown = _shown(origin)
    return (
        f"pages of {shown} may not write to this server: the origin does not match the host of the request. "
        f"If they should be allowed to, add {shown} to the setting cors_origins"
    )


def _shown(text: str) -> str:
    return text[:_SHOWN_CHARACTERS]
