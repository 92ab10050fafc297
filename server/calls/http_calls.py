"""What the HTTP routes of an API take and give: doors make an HttpCall, the route's handler returns an HttpResponse or less."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from server.calls.accept import preferred
from server.errors import InvalidArgument

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class HttpCall:
    """What is asked over HTTP without an RPC.

    `values` are the fields of the path, `query` all values of each parameter in the order sent, `headers` have lower-case names.
    `body` is what the route's kind of body says: nothing, an object, bytes, or their pieces as they arrive; of an uploaded file
    `file_name` is its name without folders.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    file_name: str = ""

    def parameter(self, name: str) -> str:
        """Return the first value of a parameter of the query; "" when it is absent."""
        texts = self.query.get(name)
        return texts[0] if texts else ""

    def pieces(self) -> AsyncIterator[bytes]:
        """Return the body of a route that takes it as a stream; it can be read once, and no faster than the client sends."""
        pieces: AsyncIterator[bytes] = self.body
        return pieces

    def preferred(self, *content_types: str) -> str | None:
        """Return the content type that the caller prefers, by its Accept header; None when it accepts none of them.

        Of equally preferred ones, the first counts.
        """
        return preferred(self.headers.get("accept", ""), content_types)


@dataclass(slots=True, eq=False)
class HttpResponse:
    """A response; its length, the date and what concerns the connection are added when it is sent.

    A body in pieces is sent as the client takes them: its generator is not asked for the next one earlier, and is closed when
    the client goes away. It needs no length, and each piece has the time that a whole response has otherwise.
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


@dataclass(frozen=True, slots=True)
class SingleParameters:
    """Reads a query whose parameters may be given once each, under several spellings; other parameters are ignored."""

    names_by_spelling: Mapping[str, str]

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> Parameters:
        """Return the parameters by name. Raises InvalidArgument for one that is given more than once."""
        texts_by_name: dict[str, tuple[str]] = {}
        for spelling, text in pairs:
            name = self.names_by_spelling.get(spelling)
            if name in texts_by_name:
                raise InvalidArgument(f"{name} is given more than once", reason="INVALID_QUERY")
            if name is not None:
                texts_by_name[name] = (text,)
        return texts_by_name
