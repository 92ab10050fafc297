"""Requests and responses of the HTTP routes of APIs: the REST door creates an HttpCall, a handler may return an HttpResponse."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.calls.accept import preferred
from server.errors import InvalidArgument
from storage.record import record

JSON_TYPE = "application/json"


@record
class HttpCall:
    """A request to an HTTP route that is not an RPC.

    `values` are the fields of the path, `query` all values of each parameter in the order sent, `headers` have lower-case names.
    `body` depends on the route's kind of body: None, an object, bytes, or pieces of bytes as they arrive. `file_name` is the
    name of an uploaded file, without folders.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    file_name: str = ""

    def parameter(self, name: str) -> str:
        """Return the first value of a query parameter, "" if it is absent."""
        texts = self.query.get(name)
        return texts[0] if texts else ""

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body of a route that reads it as a stream; it can be read only once, as it arrives."""
        pieces: AsyncIterator[bytes] = self.body
        return pieces

    def preferred(self, *content_types: str) -> str | None:
        """Return the content type that the caller prefers, by its Accept header; None if it accepts none of them.

        If several are equally preferred, the first of them is returned.
        """
        return preferred(self.headers.get("accept", ""), content_types)


@dataclass(slots=True, eq=False)
class HttpResponse:
    """A response; headers for its length, the date and the connection are added when it is sent.

    A body may be a generator of pieces. It is advanced only as fast as the client reads, and closed if the client disconnects.
    Its length need not be known, and each piece may take as long as a whole response otherwise.
    """

    status: int
    body: bytes | AsyncGenerator[bytes, None] = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


Parameters = Mapping[str, Sequence[str]]
"""The parameters of a query by name, with all of their values in the order sent."""


def every_parameter(pairs: Sequence[tuple[str, str]]) -> Parameters:
    """Return all parameters of a query under the names that were sent."""
    texts_by_name: dict[str, list[str]] = {}
    for name, text in pairs:
        texts_by_name.setdefault(name, []).append(text)
    return texts_by_name


@record
class SingleParameters:
    """Reads a query whose parameters may each be given once, in any of their spellings; other parameters are ignored."""

    names_by_spelling: Mapping[str, str]

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Parameters:
        """Return the parameters by name. Raises InvalidArgument if one is given more than once."""
        texts_by_name: dict[str, tuple[str]] = {}
        for spelling, text in pairs:
            name = self.names_by_spelling.get(spelling)
            if name in texts_by_name:
                raise InvalidArgument(f"'{name}' is given more than once", reason="INVALID_QUERY")
            if name is not None:
                texts_by_name[name] = (text,)
        return texts_by_name
