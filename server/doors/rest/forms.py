"""Chooses the API in whose form a path is answered. The REST door calls this for errors, and for requests without a handler."""

from collections.abc import Iterable

from server.api import RPC_FORM, Api, HttpForm
from server.calls.http_calls import HttpResponse
from server.calls.statuses import Status
from server.doors.http.responses import unknown_path, wrong_verb


class Forms:
    """The forms of APIs by the prefixes of their paths; the longest prefix wins, and a prefix matches whole segments only."""

    def __init__(self, apis: Iterable[Api]) -> None:
        prefixes = [(prefix.rstrip("/") + "/", api.form) for api in apis for prefix in api.prefixes]
        self._prefixes = sorted(prefixes, key=lambda entry: -len(entry[0]))

    def of(self, path: str) -> HttpForm:
        """Return the form of a path; RPC_FORM when no API claims it."""
        whole = f"{path}/"
        return next((form for prefix, form in self._prefixes if whole.startswith(prefix)), RPC_FORM)

    def write_error(self, path: str, status: Status, http_status: int) -> HttpResponse:
        """Return an error in the form of the API that the path belongs to."""
        return self.of(path).error(status, http_status)

    def unknown_path(self, path: str) -> HttpResponse:
        """Return the response to a path under which nothing is served."""
        return self.write_error(path, unknown_path(), 404)

    def wrong_verb(self, path: str, verbs: Iterable[str]) -> HttpResponse:
        """Return the response to a verb that a path does not accept; a 405 lists those it accepts (RFC 9110, 15.5.6)."""
        return wrong_verb_response(self.of(path), verbs)


def wrong_verb_response(form: HttpForm, verbs: Iterable[str]) -> HttpResponse:
    """Return the response to a wrong verb in a form."""
    if form.wrong_verb == 404:
        return form.error(unknown_path(), 404)
    response = form.error(wrong_verb(), form.wrong_verb)
    if form.wrong_verb == 405:
        response.headers += (("allow", ", ".join(sorted(verbs))),)
    return response
