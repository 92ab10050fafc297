"""What a browser asked a page for, and the addresses of other pages from there. Every page is passed one."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import parse_qsl, quote, urlencode

from google.rpc import code_pb2

from server.calls.statuses import Status
from server.doors.http.messages import HttpRequest
from server.doors.rest.query import pairs
from server.errors import InvalidArgument

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_FIELDS_MAX = 1000
"""How many fields a form may have: the largest one has a field per row of a list."""


class Refused(Exception):
    """A page cannot be shown; `status` says why. It becomes an error page with `status.http_status`."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.status = status


def refused(message: str, *, code: int = code_pb2.INVALID_ARGUMENT, reason: str = "INVALID_ARGUMENT") -> Refused:
    """Return the error of a request that a page itself refuses, by default with 400."""
    return Refused(Status(code, reason, message))


@dataclass(frozen=True)
class Visit:
    """A request for a page. Everything in it was sent by a client."""

    request: HttpRequest

    @property
    def values(self) -> Mapping[str, str]:
        """The fields of the path, unescaped."""
        return self.request.values

    @property
    def is_post(self) -> bool:
        """Whether a form was sent."""
        return self.request.verb == "POST"

    @cached_property
    def now(self) -> datetime:
        """The time of the visit."""
        return datetime.now(UTC)

    @cached_property
    def root(self) -> str:
        """The relative address of the front page: "./" or "../" as often as the path is deep."""
        return "../" * (self.request.path.count("/") - 1) or "./"

    @property
    def section(self) -> str:
        """The first part of the path, which says where in the navigation the page is."""
        return self.request.path[1:].partition("/")[0]

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query; of a name that is given several times the last one. Raises InvalidArgument for bad escapes."""
        return {name: value.strip() for name, value in pairs(self.request.query)}

    @property
    def searched(self) -> str:
        """What was searched for, if this is a page of results; "" if that cannot be read."""
        with contextlib.suppress(InvalidArgument):
            return self.text("q") if self.section == "search" else ""
        return ""

    def text(self, name: str) -> str:
        """Return a parameter of the query, "" if it is absent."""
        return self.query.get(name, "")

    def number(self, name: str, default: int, *, at_least: int = 1, at_most: int) -> int:
        """Return a whole parameter of the query within bounds, the default if it is absent. Raises Refused for others."""
        text = self.text(name)
        if not text:
            return default
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(at_most))
        if not is_number or not at_least <= int(text) <= at_most:
            raise refused(f"{name} is not a number from {at_least} to {at_most}")
        return int(text)

    @cached_property
    def form(self) -> Mapping[str, list[str]]:
        """The fields of the form that was sent. Raises Refused if the body is not a form."""
        if self.request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
            raise refused("the body is not a form")
        fields: dict[str, list[str]] = {}
        try:
            text = bytes(self.request.body).decode("ascii")
            for name, value in parse_qsl(text, errors="strict", max_num_fields=FORM_FIELDS_MAX):
                fields.setdefault(name, []).append(value)
        except ValueError:
            raise refused("the body is not a valid form") from None
        return fields

    def to(self, *path: str, **query: object) -> str:
        """Return the relative address of another page: the parts of its path, escaped here, and a query without empty values."""
        return self.root + "/".join(quote(part, safe="") for part in path) + _query_of(query)

    def changed(self, **query: object) -> str:
        """Return the relative address of this page with parts of its query changed; those that are empty are left out."""
        here = self.request.path.rpartition("/")[2] or "./"
        # A colon in a first segment would end a scheme.
        return ("./" + here if ":" in here else here) + (_query_of({**self.query, **query}) or "?")


def _query_of(query: Mapping[str, object]) -> str:
    given = {name: value for name, value in query.items() if value not in ("", None)}
    return "?" + urlencode(given, quote_via=quote) if given else ""
