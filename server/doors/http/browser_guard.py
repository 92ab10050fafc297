"""Refuses what pages of other sites make a browser send: only our own pages and listed origins may read and write.

A browser lets any page send simple requests anywhere, loopback included, and a page whose host name is pointed at this
server afterwards (DNS rebinding) can even read the responses. The REST door calls this before it does anything else with a
request. Programs send none of these headers and pass. Sec-Fetch-Site is specified in the W3C's Fetch Metadata.
"""

from google.rpc import code_pb2

from server.calls.statuses import Status
from server.doors.http.messages import HttpRequest
from server.process.telemetry import log
from server.web_origins import LOCALHOST, HostList, OriginList, is_loopback, read_host, read_origin

SAFE_VERBS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Verbs that write nothing on any route."""

_OWN_SITES = frozenset({"same-origin", "none"})
_SHOWN_CHARACTERS = 200


class BrowserGuard:
    """Judges requests by their headers; `address` is HOST:PORT of the REST door as it was configured."""

    def __init__(self, *, cors_origins: str, allowed_hosts: str, address: str) -> None:
        self._origins, self._hosts = OriginList(cors_origins), HostList(allowed_hosts)
        self._any_host = self._hosts.has_any or (not self._hosts and not is_loopback(address))

    def refused(self, request: HttpRequest) -> tuple[Status, int] | None:
        """Return why a request must not be served, and the HTTP status that says so; None for all others."""
        if not self._has_allowed_host(request):
            host = _shown(request.headers["host"])
            message = (
                f"this server does not answer to the name {host}; if it should, add it to the setting allowed_hosts"
            )
            return _refusal(request, 421, code_pb2.PERMISSION_DENIED, "UNKNOWN_HOST", message)
        if request.verb in SAFE_VERBS or self._comes_from_own_page(request):
            return None
        return _refusal(request, 403, code_pb2.PERMISSION_DENIED, "FOREIGN_ORIGIN", _foreign(request))

    def _has_allowed_host(self, request: HttpRequest) -> bool:
        header = request.headers.get("host")
        if self._any_host or header is None:  # optional in HTTP/1.0; browsers always send it
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


def _refusal(request: HttpRequest, http_status: int, code: int, reason: str, message: str) -> tuple[Status, int]:
    log.info("refused", verb=request.verb, peer=request.peer, reason=reason, message=message)
    return Status(code, reason, message), http_status


def _foreign(request: HttpRequest) -> str:
    origin = request.headers.get("origin")
    if origin is None or read_origin(origin) is None:
        return (
            "a page of another site, which does not say its origin, may not write here; "
            "only pages of this server and of the origins in the setting cors_origins may"
        )
    shown = _shown(origin)
    return (
        f"pages of {shown} may not write here: that is not the host which the request names. "
        f"If they are meant to, add {shown} to the setting cors_origins"
    )


def _shown(text: str) -> str:
    return text[:_SHOWN_CHARACTERS]
