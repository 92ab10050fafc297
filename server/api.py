"""What an API is: one object with its RPCs, its HTTP routes, and how it writes JSON and errors over HTTP.

The folders of `server/apis` make one each, and only `server/app.py` names them. Doors and pages are given the objects, and know
no API: a new one is a folder and a line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from server.calls.body_fields import BodyFields
from server.calls.call import Handler
from server.calls.http_calls import HttpResponse, Parameters, every_parameter
from server.calls.methods import Method
from server.calls.policy import Rule
from server.calls.rpc_form import rpc_error
from server.calls.statuses import Status
from server.errors import ApiError


@dataclass(frozen=True, slots=True)
class NoBody:
    """A route that takes no body; one that is sent is ignored."""


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON object, checked against a table of fields; without a table it may hold anything. An empty body is an empty object."""

    fields: BodyFields | None = None


@dataclass(frozen=True, slots=True)
class BytesBody:
    """Bytes as they were sent, at most as many as the setting message_bytes_max says."""


@dataclass(frozen=True, slots=True)
class FileBody:
    """A file in a field of a multipart/form-data body: at most as many bytes as the setting says, else `too_large` of the limit."""

    field: str
    bytes_setting: str
    too_large: Callable[[int], ApiError]


@dataclass(frozen=True, slots=True)
class StreamBody:
    """Pieces as they arrive: the handler runs before the body is complete, and the client sends no faster than it takes them.

    The pieces have at most as many bytes as the setting says. Such a call has no deadline of its own, but each piece has one.
    """

    bytes_setting: str = "message_bytes_max"


Body = NoBody | JsonBody | BytesBody | FileBody | StreamBody


@dataclass(frozen=True, slots=True)
class JsonForm:
    """How protobuf messages are written and read as JSON where APIs differ: 64-bit integers, and fields that are unknown."""

    int64_as_numbers: bool = False
    ignores_unknown: bool = False


@dataclass(frozen=True, slots=True)
class HttpForm:
    """How an API answers over HTTP: errors, the HTTP status of a verb that a path does not take, and its JSON.

    `error` is given a status, and the HTTP status that says the same. A wrong verb is answered with 405, 501 or, where the API
    treats it as an unknown path, 404.
    """

    error: Callable[[Status, int], HttpResponse]
    wrong_verb: int = 405
    json: JsonForm = JsonForm()


RPC_FORM = HttpForm(rpc_error, wrong_verb=501)
"""As the gateway of KFP's API server answers: google.rpc.Status for every error. The form of all paths that no API claims."""


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """What is served over HTTP without an RPC.

    The template may have fields (`{id}`) and end with one that takes the rest of the path (`{path=**}`). The handler is given an
    HttpCall and returns a message, a dict or an HttpResponse. An exclusive route has its path for itself: other verbs are wrong
    there, even where another route's field would match. `form` is used instead of the API's.
    """

    verbs: tuple[str, ...]
    template: str
    name: str
    handler: Handler
    rule: Rule | None = None
    body: Body = NoBody()
    parameters: Callable[[Sequence[tuple[str, str]]], Parameters] = every_parameter
    exclusive: bool = False
    form: HttpForm | None = None
    api: str = ""


@dataclass(frozen=True, slots=True)
class RpcAlias:
    """Another path of an RPC, which may be another API's; its fields are those of the request, and a query is ignored."""

    verb: str
    template: str
    full_name: str


@dataclass(frozen=True)
class Api:
    """An API. Its name is in logs and figures, and its document is served under /openapi/{name}.json.

    `prefixes` are the paths under which unknown paths, wrong verbs, refused bodies and defects are answered in its form, and
    `headers` the names, in lower case, of those that its handlers read from the metadata of a call.
    """

    name: str
    methods: tuple[Method, ...] = ()
    routes: tuple[HttpRoute, ...] = ()
    aliases: tuple[RpcAlias, ...] = ()
    prefixes: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    form: HttpForm = RPC_FORM
    openapi: Callable[[], bytes] | None = None

    def __post_init__(self) -> None:
        """Write the API's name into what it serves, for logs and figures."""
        own: dict[str, Any] = {
            "methods": tuple(replace(method, api=self.name) for method in self.methods),
            "routes": tuple(replace(route, api=self.name) for route in self.routes),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    def served(self) -> list[Method | HttpRoute]:
        """Return the RPCs and routes that have a handler."""
        return [*(method for method in self.methods if method.handler is not None), *self.routes]
