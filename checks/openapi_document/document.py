"""The OpenAPI documents of the REST door, one per API, written from the descriptors and the comments of the protos.

checks/openapi.py writes them to the checkout; the server sends the written files, since the stubs have no comments.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from openapi_document import plain
from openapi_document.comments import Comments
from openapi_document.forms import COMMON
from openapi_document.links import add_links
from openapi_document.operations import ERRORS, JSON, Operation, operation, operation_id, shown_path
from openapi_document.schemas import Schemas
from server import __version__
from server.calls.methods import Method

VERSION = "3.1.0"
TITLE = "Lineal"
_FORMS = (
    "Requests may spell names as `run_id` or `runId`; responses have `run_id`. Unset fields are left out of responses; in "
    "requests, null is equivalent to leaving a field out. Output-only fields are ignored in requests. A verb that a path does "
    "not support is answered with status 501, an unknown path with 404."
)


@dataclass(frozen=True, slots=True)
class About:
    """What a document says of its API, and whether it has the operations without a method as well."""

    text: str
    has_plain: bool = False


ABOUT_KFP = About(
    "Metadata of ML pipelines: runs, tasks, artifacts, and which task used or made which artifact. The API is that of "
    f"Kubeflow Pipelines.\n\n{_FORMS}",
    has_plain=True,
)
ABOUT_LINEAL = About(
    "What made an artifact and what came of it, what is recorded, and how runs differ. This API only reads: the API of "
    f"Kubeflow Pipelines records, and has a document of its own.\n\n{_FORMS}"
)

_FAILURES = {
    "BadRequest": "The request is not valid: a field is malformed, missing or outside its limits.",
    "NotFound": "Something that the request names does not exist.",
    "Conflict": "The name is taken, the current state does not allow it, or concurrent writes collided.",
    "TooLarge": "The body is larger than the server accepts.",
    "InternalError": "A defect of the server; its log has the cause under the id in the message.",
    "NotImplemented": "The server does not support this.",
    "Unavailable": "The database does not respond, or too many connections are open. Try again.",
    "TookTooLong": "The call took longer than the server waits for its database.",
}


def document(methods: Iterable[Method], comments: Comments, about: About) -> dict[str, Any]:
    """Return the document of the methods that are served. Raises MissingComment when a proto lacks a comment."""
    schemas = Schemas(comments, known={"Status": _STATUS, **COMMON})
    paths: dict[str, dict[str, Operation]] = plain.paths() if about.has_plain else {}
    tags: dict[str, str] = {}
    for method in methods:
        if method.http is None:
            continue
        verbs = paths.setdefault(shown_path(method.http), {})
        plain_operation = verbs.get(method.http.verb.lower())
        if plain_operation is not None and plain_operation["operationId"] == operation_id(method):
            continue  # described by a plain route, whose response has more fields than the method's
        verbs[method.http.verb.lower()] = operation(method, method.http, schemas, comments)
        tags[method.name.partition(".")[0]] = comments.of(method.service)
    operations = {item["operationId"]: item for verbs in paths.values() for item in verbs.values()}
    add_links(operations)
    sorted_paths = dict(sorted(paths.items()))
    components = {
        "schemas": dict(sorted((schemas.by_name | plain.schemas()).items())),
        "responses": {name: _failure(_FAILURES[name]) for name in ERRORS.values()},
    }
    return {
        "openapi": VERSION,
        "info": {"title": TITLE, "version": __version__, "description": about.text, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()]
        + (list(plain.TAGS) if about.has_plain else []),
        "paths": sorted_paths,
        "components": _used(components, sorted_paths),
    }


def _used(components: dict[str, dict[str, Any]], paths: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the components that the paths refer to, directly or through others."""
    used: set[str] = set()
    waiting = set(_references(paths))
    while waiting:
        used |= waiting
        names = (reference.split("/")[-2:] for reference in waiting)
        waiting = {inner for kind, name in names for inner in _references(components[kind][name])} - used
    return {
        kind: {name: part for name, part in parts.items() if f"#/components/{kind}/{name}" in used}
        for kind, parts in components.items()
    }


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


_LICENSE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
_DETAIL = {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]}
_STATUS = {
    "type": "object",
    "description": "What went wrong.",
    "properties": {
        "code": {"type": "integer", "format": "int32", "description": "The gRPC status code."},
        "message": {"type": "string", "description": "A sentence that describes the error."},
        "details": {"type": "array", "items": _DETAIL, "description": "Details, such as a machine-readable reason."},
    },
    "additionalProperties": False,
}


def _failure(description: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Status"}}}}
