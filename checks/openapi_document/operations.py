"""Methods → OpenAPI operations, by their google.api.http rules. The document writer calls this.

Fields that the path names are path parameters; the body is what the rule says; all other fields of the request are query
parameters, with dotted names for fields of messages.
"""

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from openapi_document import constraints
from openapi_document.comments import Comments
from openapi_document.forms import INT32, Schema
from openapi_document.schemas import Schemas, is_map, short_name
from server.calls.idempotency import KEY_CHARACTERS, writes
from server.calls.methods import HttpRule, Method

Operation = dict[str, Any]

JSON = "application/json"
ERRORS = {
    400: "BadRequest",
    404: "NotFound",
    409: "Conflict",
    413: "TooLarge",
    500: "InternalError",
    501: "NotImplemented",
    503: "Unavailable",
    504: "TookTooLong",
}
"""The names of the responses of failures."""

NEVER_MISSING = frozenset(
    {
        "ArtifactService.ListArtifacts",
        "ExperimentService.CreateExperiment",
        "ExperimentService.ListExperiments",
        "LineageService.Search",
        "OverviewService.GetOverview",
        "PipelineService.CreatePipeline",
        "PipelineService.CreatePipelineAndVersion",
        "PipelineService.ListPipelines",
        "RecurringRunService.CreateRecurringRun",
        "RunService.FindCachedTask",
    }
)
"""Methods that do not name anything that could be missing."""

NOT_IMPLEMENTED = frozenset({"RecurringRunService.CreateRecurringRun"})

IDEMPOTENCY_PARAMETER: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "A key of the caller's choice. The same request with the same key happens once, and has the same response again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_CHARACTERS, "pattern": "^[ -~]+$"},
}
"""The header that every method takes that writes."""

_PATH_FIELD = re.compile(r"\{([^}]+)\}")


def operation_id(method: Method) -> str:
    """Return the name of a method's operation, such as RunService_GetRun."""
    return method.name.replace(".", "_")


def path_fields(rule: HttpRule) -> list[str]:
    """Return the dotted names of the fields in a rule's path."""
    return _PATH_FIELD.findall(rule.path)


def shown_path(rule: HttpRule) -> str:
    """Return a rule's path with the last names of its fields, so that paths that differ only in their prefixes are equal."""
    return _PATH_FIELD.sub(lambda match: "{" + match[1].rpartition(".")[2] + "}", rule.path)


def operation(method: Method, rule: HttpRule, schemas: Schemas, comments: Comments) -> Operation:
    """Return the operation of a method."""
    request: Any = method.request.DESCRIPTOR  # the stubs declare two classes of descriptors
    response: Any = method.response.DESCRIPTOR
    name = f"{method.service}.{method.name.partition('.')[2]}"
    answer = schemas.output(response)
    schema: Operation = {
        "operationId": operation_id(method),
        "tags": [method.name.partition(".")[0]],
        "summary": comments.summary(name),
    }
    if comments.of(name) != schema["summary"]:
        schema["description"] = comments.of(name)
    parameters = [_path_parameter(request, field, comments) for field in path_fields(rule)]
    parameters += [_query_parameter(path, schemas, comments) for path in _query_fields(request, rule)]
    if writes(method):
        parameters.append(IDEMPOTENCY_PARAMETER)
    if parameters:
        schema["parameters"] = parameters
    if rule.body:
        schema["requestBody"] = _body(request, rule, schemas)
    description = "An empty object." if response.full_name == "google.protobuf.Empty" else "The response."
    schema["responses"] = {"200": {"description": description, "content": {JSON: {"schema": answer}}}} | {
        str(status): {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in failures(method, rule)
    }
    return schema


def failures(method: Method, rule: HttpRule) -> list[int]:
    """Return the statuses with which a method can fail."""
    possible = {400, 500, 503, 504}
    if method.name not in NEVER_MISSING:
        possible.add(404)
    if writes(method):
        possible.add(409)  # also where nothing can be in the way: the key may have been used for another request
    if rule.body:
        possible.add(413)
    if method.name in NOT_IMPLEMENTED:
        possible.add(501)
    return sorted(possible)


def _field(message: Descriptor, dotted: str) -> FieldDescriptor:
    *parents, last = dotted.split(".")
    for parent in parents:
        inner = message.fields_by_name[parent].message_type
        assert inner is not None
        message = inner
    return message.fields_by_name[last]


def _path_parameter(message: Descriptor, dotted: str, comments: Comments) -> Schema:
    field = _field(message, dotted)
    return {
        "name": field.name,
        "in": "path",
        "required": True,
        "description": comments.of(field.full_name),
        "schema": {"type": "string", "minLength": 1},
    }


def _query_fields(message: Descriptor, rule: HttpRule) -> Iterator[tuple[FieldDescriptor, ...]]:
    """Yield the paths of the fields that are neither in the path nor in the body."""
    if rule.body == "*":
        return
    other_names = {*path_fields(rule), rule.body}
    for field in message.fields:
        yield from _leaves((field,), other_names)


def _leaves(path: tuple[FieldDescriptor, ...], other_names: set[str]) -> Iterator[tuple[FieldDescriptor, ...]]:
    field = path[-1]
    inner = field.message_type
    # Maps and lists of messages cannot be expressed in a query; a message that contains itself would not end.
    if (
        _dotted(path) in other_names
        or (inner is not None and (field.is_repeated or is_map(field)))
        or field in path[:-1]
    ):
        return
    if inner is None or inner.full_name == "google.protobuf.Timestamp":
        yield path
        return
    if not inner.full_name.startswith("google.protobuf."):
        for leaf in inner.fields:
            yield from _leaves((*path, leaf), other_names)


def _dotted(path: tuple[FieldDescriptor, ...]) -> str:
    return ".".join(field.name for field in path)


def _query_parameter(path: tuple[FieldDescriptor, ...], schemas: Schemas, comments: Comments) -> Schema:
    field = path[-1]
    schema, description = _query_schema(field), comments.of(field.full_name)
    limits = constraints.FIELDS.get(short_name(field.full_name), {})
    if field.name == "page_size":
        schema["minimum"] = 0
    if field.enum_type is not None:
        description += f"\n{schemas.values_text(field.enum_type)}"
    parameter: Schema = {"name": _dotted(path), "in": "query", "description": description}
    if comments.is_required(field.full_name):
        parameter["required"] = True
    if field.is_repeated:
        parameter |= {"style": "form", "explode": True}
        schema = {"type": "array", "items": schema}
    if field.GetOptions().deprecated:
        parameter["deprecated"] = True
    return parameter | {"schema": schema | limits}


def _query_schema(field: FieldDescriptor) -> Schema:
    if field.enum_type is not None:
        values = field.enum_type.values
        return {"type": "string", "enum": [*(value.name for value in values), *(str(value.number) for value in values)]}
    if field.message_type is not None:
        return {"type": "string", "format": "date-time"}
    kinds: dict[int, Schema] = {
        FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
        FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
        FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32", **INT32},
        FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    }
    return kinds[field.cpp_type]


def _body(message: Descriptor, rule: HttpRule, schemas: Schemas) -> Schema:
    if rule.body == "*":
        schema = schemas.input(message, without=frozenset(path_fields(rule)))
    else:
        field = message.fields_by_name[rule.body]
        schema = {"type": "string"}
        if field.message_type is not None:
            schema = schemas.input(field.message_type, patch=rule.verb == "PATCH")
    # The body is optional if an empty message is valid, or if the path fills fields of the body's message.
    is_filled = any(dotted.startswith(f"{rule.body}.") for dotted in path_fields(rule))
    required = not is_filled and not schemas.takes_empty(schema)
    return {"required": required, "content": {JSON: {"schema": schema}}}
