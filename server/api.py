"""Defines an API: one object with its RPCs, its HTTP routes, and the form of its JSON and its errors over HTTP.

Each folder of `server/apis` creates one, and only `server/app.py` lists them. Doors and pages are passed the objects, and have
no code for a particular API: adding one takes a folder and a line.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from server.calls.body_fields import BodyFields
from server.calls.call import Handler
from server.calls.http_calls import HttpResponse, Parameters, every_parameter
from server.calls.methods import Method
from server.calls.policy import Rule
from server.calls.rpc_form import rpc_error
from server.calls.statuses import Status
from server.errors import ApiError
from storage.record import record


@record
class NoBody:
    """The route takes no body; one that is sent is ignored."""


@record
class JsonBody:
    """A JSON object, checked against a table of fields; without one, it may contain anything. An empty body is an empty object."""

    fields: BodyFields | None = None


@record
class BytesBody:
    """Bytes as they were sent, limited by the setting message_bytes_max."""


@record
class FileBody:
    """A file in a field of a multipart/form-data body. A setting limits its size; when exceeded, `too_large(limit)` is raised."""

    field: str
    bytes_setting: str
    too_large: Callable[[int], ApiError]


@record
class StreamBody:
    """Pieces as they arrive: the handler runs before the body is complete, and the client cannot send faster than it reads.

    A setting limits the size of the body. The call has no deadline as a whole, but one for each piece.
    """

    bytes_setting: str = "message_bytes_max"


Body = NoBody | JsonBody | BytesBody | FileBody | StreamBody


@record
class JsonForm:
    """How an API writes and reads protobuf messages as JSON, where APIs differ: 64-bit integers and unknown fields."""

    int64_as_numbers: bool = False
    ignores_unknown: bool = False


@record
class HttpForm:
    """How an API answers over HTTP: errors, the HTTP status of a verb that a path does not accept, and its JSON.

    `error` is called with a status and the corresponding HTTP status. A wrong verb is answered with 405, 501 or, if the API
    treats it as an unknown path, 404.
    """

    error: Callable[[Status, int], HttpResponse]
    wrong_verb: int = 405
    json: JsonForm = JsonForm()


RPC_FORM = HttpForm(rpc_error, wrong_verb=501)
"""The form of the gateway of KFP's API server: google.rpc.Status for every error. Used for all paths that belong to no API."""


@record
class HttpRoute:
    """An HTTP route that is not an RPC.

    The template may have fields (`{id}`) and end with one that matches the rest of the path (`{path=**}`). The handler is passed
    an HttpCall and returns a message, a dict or an HttpResponse. On the path of an exclusive route, other verbs are refused even
    if a field of another route would match. `form` overrides that of the API.
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


@record
class RpcAlias:
    """Another path of an RPC, possibly of another API; its fields are fields of the request, and the query is ignored."""

    verb: str
    template: str
    full_name: str


@record
class Api:
    """An API. Its name is used in logs and metrics, and its OpenAPI document is served under /openapi/{name}.json.

    `prefixes` are the paths under which unknown paths, wrong verbs, refused bodies and defects are answered in its form.
    `headers` are the names, in lower case, of the headers that its handlers read from the metadata of a call.
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
        """Set the API's name in its methods and routes, for logs and metrics."""
        named_operations: dict[str, Any] = {
            "methods": tuple(replace(method, api=self.name) for method in self.methods),
            "routes": tuple(replace(route, api=self.name) for route in self.routes),
        }
        for name, value in named_operations.items():
            object.__setattr__(self, name, value)

    def served(self) -> list[Method | HttpRoute]:
        """Return the RPCs and routes that have a handler."""
        return [*(method for method in self.methods if method.handler is not None), *self.routes]
