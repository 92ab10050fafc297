"""Which pages of other origins may read answers: none, unless the settings list them. The REST door calls this."""

from server.doors.http.messages import HttpRequest, HttpResponse
from server.web_origins import ANY, OriginList

_MAX_AGE_SECONDS = 600


class Cors:
    """Opens answers to origins from a comma list; `*` means every origin."""

    def __init__(self, origins: str) -> None:
        self._origins = OriginList(origins)

    def preflight(self, request: HttpRequest) -> HttpResponse | None:
        """Return the answer to a browser that asks before it calls; None when this is not one that may."""
        if request.verb != "OPTIONS" or "access-control-request-method" not in request.headers:
            return None
        allowed = self._allowed(request)
        if not allowed:
            return None
        headers = (
            *allowed,
            ("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE"),
            ("access-control-allow-headers", "authorization, content-type, x-clear-tags"),
            ("access-control-max-age", str(_MAX_AGE_SECONDS)),
        )
        return HttpResponse(204, headers=headers)

    def opened(self, request: HttpRequest, answer: HttpResponse) -> HttpResponse:
        """Return an answer with what lets the request's page read it, if it may."""
        if self._origins:
            answer.headers += self._allowed(request) or (("vary", "Origin"),)
        return answer

    def _allowed(self, request: HttpRequest) -> tuple[tuple[str, str], ...]:
        if self._origins.has_any:
            return (("access-control-allow-origin", ANY),)
        origin = request.headers.get("origin", "")
        if origin not in self._origins:
            return ()
        return ("access-control-allow-origin", origin), ("vary", "Origin")
