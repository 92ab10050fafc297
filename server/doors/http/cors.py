"""CORS headers, which let pages of the origins in the settings read responses. The REST door calls this."""

from collections.abc import Iterable

from server.calls.caller import IDEMPOTENCY_KEY
from server.calls.http_calls import HttpResponse
from server.doors.http.messages import HttpRequest
from server.web_origins import ANY, OriginList

_MAX_AGE_SECONDS = 600


class Cors:
    """Allows a comma-separated list of origins, or all with `*`. Pages may send `headers` in addition to the usual ones."""

    def __init__(self, origins: str, headers: Iterable[str] = ()) -> None:
        self._origins = OriginList(origins)
        self._headers = ", ".join(("authorization", "content-type", IDEMPOTENCY_KEY, *headers))

    def preflight(self, request: HttpRequest) -> HttpResponse | None:
        """Return the response to a CORS preflight from a listed origin; None for any other request."""
        if request.verb != "OPTIONS" or "access-control-request-method" not in request.headers:
            return None
        origin_headers = self._origin_headers(request)
        if not origin_headers:
            return None
        headers = (
            *origin_headers,
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", self._headers),
            ("access-control-max-age", str(_MAX_AGE_SECONDS)),
        )
        return HttpResponse(204, headers=headers)

    def with_headers(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Return a response with the headers that let the requesting page read it, if its origin is listed."""
        if self._origins:
            response.headers += self._origin_headers(request) or (("vary", "Origin"),)
        return response

    def _origin_headers(self, request: HttpRequest) -> tuple[tuple[str, str], ...]:
        if self._origins.has_any:
            return (("access-control-allow-origin", ANY),)
        origin = request.headers.get("origin", "")
        if origin not in self._origins:
            return ()
        return ("access-control-allow-origin", origin), ("vary", "Origin")
