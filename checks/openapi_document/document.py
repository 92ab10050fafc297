"""The OpenAPI document of the REST door, written from the descriptors and the comments of the protos.

checks/openapi.py writes it into the checkout; the server sends what was written, since the stubs have no comments.
"""

from collections.abc import Iterable
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
ABOUT = (
    "Metadata of ML pipelines: runs, tasks, artifacts, and which task used or made which artifact. The API is that of "
    "Kubeflow Pipelines.\n\n"
    "Names are taken in both spellings, `run_id` and `runId`, and given as `run_id`. Fields that are unset are left out of "
    "answers; in requests null is as good as leaving out. What is said to be output only may be sent and is ignored. A verb "
    "that a path does not take is answered 501, a path that nothing has 404."
)

_FAILURES = {
    "BadRequest": "The request makes no sense: a field is malformed, missing or out of its limits.",
    "NotFound": "What the request names is not there.",
    "Conflict": "The name is taken, the state of what is there forbids it, or other writers were faster.",
    "TooLarge": "The body is larger than the server takes.",
    "InternalError": "A defect of the server, whose log has the cause under the id in the message.",
    "NotImplemented": "The server does not offer this.",
    "Unavailable": "The database does not answer, or too many connections are open. Try again.",
    "TookTooLong": "The call took longer than the server waits for its database.",
}


def document(methods: Iterable[Method], comments: Comments) -> dict[str, Any]:
    """Return the document of the methods that are served. Raises MissingComment where a proto says nothing."""
    schemas = Schemas(comments, known={"Status": _STATUS, **COMMON})
    paths: dict[str, dict[str, Operation]] = plain.paths()
    tags: dict[str, str] = {}
    for method in methods:
        if method.http is None:
            continue
        verbs = paths.setdefault(shown_path(method.http), {})
        taken = verbs.get(method.http.verb.lower())
        if taken is not None and taken["operationId"] == operation_id(method):
            continue  # answered by a plain route, which says more than the method
        verbs[method.http.verb.lower()] = operation(method, method.http, schemas, comments)
        tags[method.name.partition(".")[0]] = comments.of(method.service)
    operations = {item["operationId"]: item for verbs in paths.values() for item in verbs.values()}
    add_links(operations)
    return {
        "openapi": VERSION,
        "info": {"title": TITLE, "version": __version__, "description": ABOUT, "license": _LICENSE},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in tags.items()] + list(plain.TAGS),
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": dict(sorted((schemas.by_name | plain.schemas()).items())),
            "responses": {name: _failure(_FAILURES[name]) for name in ERRORS.values()},
        },
    }


_LICENSE = {"name": "Apache 2.0", "identifier": "Apache-2.0"}
_DETAIL = {"type": "object", "properties": {"@type": {"type": "string"}}, "required": ["@type"]}
_STATUS = {
    "type": "object",
    "description": "What went wrong.",
    "properties": {
        "code": {"type": "integer", "format": "int32", "description": "The code that gRPC has for it."},
        "message": {"type": "string", "description": "A sentence for people."},
        "details": {"type": "array", "items": _DETAIL, "description": "More about it, such as a reason for programs."},
    },
    "additionalProperties": False,
}


def _failure(description: str) -> dict[str, Any]:
    return {"description": description, "content": {JSON: {"schema": {"$ref": "#/components/schemas/Status"}}}}
