"""Pipeline specifications: which documents are valid, and which runtime parameters a specification accepts.

The rules are those Kubeflow Pipelines' API server applies before it compiles anything; the messages come from its published
package kfp-pipeline-spec. CreateRun calls this, and server.packages.package for the documents of a package.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from kfp.pipeline_spec import pipeline_spec_pb2

from server.errors import InvalidArgument
from server.recorded_spec import SDK_VERSION

SCHEMA_VERSION = "2.1.0"
REASON = "INVALID_PIPELINE_SPEC"

_Type = pipeline_spec_pb2.ParameterType
_VALUE_FIELDS = {
    _Type.NUMBER_INTEGER: "number_value",
    _Type.NUMBER_DOUBLE: "number_value",
    _Type.STRING: "string_value",
    _Type.BOOLEAN: "bool_value",
    _Type.LIST: "list_value",
    _Type.STRUCT: "struct_value",
}


def read_spec(document: dict[str, Any]) -> Any:
    """Return the PipelineSpec message of a document, which is bare or wrapped as {pipeline_spec, platform_spec}.

    Raises InvalidArgument for anything else.
    """
    if not document:
        raise InvalidArgument("the pipeline spec is empty", reason=REASON)
    spec = parse_spec(document.get("pipeline_spec", document))
    if spec is None:
        raise InvalidArgument(
            "the pipeline spec is not valid: it needs pipelineInfo.name and root, and must not have unknown fields",
            reason=REASON,
        )
    check_schema_version(spec)
    check_origin(spec)
    platform = document.get("platform_spec") if "pipeline_spec" in document else None
    if platform is not None and not isinstance(platform, dict):
        raise InvalidArgument("platform_spec must be an object", reason=REASON)
    return spec


def parse_spec(document: Any) -> Any:
    """Return the PipelineSpec message of a bare document, None when it is not one; the schema version is not checked."""
    spec = _strict(document, pipeline_spec_pb2.PipelineSpec())
    return spec if spec is not None and spec.pipeline_info.name and spec.HasField("root") else None


def check_schema_version(spec: Any) -> None:
    """Raise InvalidArgument unless the spec has the supported schema version."""
    if spec.schema_version != SCHEMA_VERSION:
        raise InvalidArgument(f"schemaVersion must be {SCHEMA_VERSION}", reason=REASON)


def check_origin(spec: Any) -> None:
    """Raise InvalidArgument for a specification that GetRun made for a run without one."""
    if spec.sdk_version == SDK_VERSION:
        raise InvalidArgument(
            "the pipeline spec was made from the recorded tasks of a run: it can be shown but not run",
            reason=REASON,
        )


def check_runnable(spec: Any) -> None:
    """Raise InvalidArgument for a valid spec that KFP cannot run: a task that it reaches has an artifactIterator.

    KFP's compiler for Argo refuses it in CreateRun; such a pipeline can still be uploaded.
    """
    components, reached = [spec.root], set[str]()
    while components:
        for name, task in components.pop().dag.tasks.items():
            if task.HasField("artifact_iterator"):
                raise InvalidArgument(
                    f"task {name[:128]!r} has an artifactIterator, which KFP cannot run", reason=REASON
                )
            component_name = task.component_ref.name
            if component_name in spec.components and component_name not in reached:
                reached.add(component_name)
                components.append(spec.components[component_name])


def parse_platform(document: Any) -> Any:
    """Return the PlatformSpec message of a bare document, None when it is not one."""
    return _strict(document, pipeline_spec_pb2.PlatformSpec())


def _strict(document: Any, message: Message) -> Any:
    """Fill the message from a document and return it; None when the document is not exactly such a message."""
    if not _has_unique_fields(document, message.DESCRIPTOR):
        return None
    try:
        return json_format.ParseDict(document, message)
    except (json_format.ParseError, RecursionError, ValueError, TypeError, OverflowError):
        return None


def _has_unique_fields(plain: Any, descriptor: Any) -> bool:
    """Return whether every message is an object, and no object has a field in both spellings.

    json_format accepts "" and [] as an empty message, and uses the last of two spellings; the specification of
    protobuf's JSON format allows neither.
    """
    if descriptor.file.package == "google.protobuf":
        return True  # json_format is strict about these
    if not isinstance(plain, dict):
        return False
    field_names = set[str]()
    for name, value in plain.items():
        field = descriptor.fields_by_camelcase_name.get(name) or descriptor.fields_by_name.get(name)
        if field is None:
            continue  # json_format refuses unknown fields
        if field.name in field_names:
            return False
        field_names.add(field.name)
        if not all(_has_unique_fields(inner, message) for inner, message in _messages_of(field, value)):
            return False
    return True


def _messages_of(field: Any, value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the messages in a field as plain JSON, each with its descriptor."""
    message = field.message_type
    if message is None or value is None:
        return
    values: Iterable[Any]
    if message.GetOptions().map_entry:
        message = message.fields_by_name["value"].message_type
        values = value.values() if isinstance(value, dict) and message is not None else ()
    elif field.is_repeated:
        values = value if isinstance(value, list) else ()
    else:
        values = (value,)
    for inner in values:
        yield inner, message


def check_parameters(inputs: Any, values: Any) -> None:
    """Raise InvalidArgument unless the values (name → Value) fit the input definitions of a spec's root."""
    definitions = inputs.parameters
    for name in values:
        if name not in definitions:
            raise _invalid_parameter(name, "is not an input of the pipeline")
    for name, definition in definitions.items():
        if name in values:
            _check_value(name, definition, values[name])
        elif not definition.HasField("default_value") and not definition.is_optional:
            raise _invalid_parameter(name, "is required")


def _check_value(name: str, definition: Any, value: struct_pb2.Value) -> None:
    value_field = _VALUE_FIELDS.get(definition.parameter_type)
    if value_field is None:
        raise _invalid_parameter(name, "has a type that cannot be passed to a run")
    if value.WhichOneof("kind") != value_field:
        raise _invalid_parameter(name, f"must be a {_Type.ParameterTypeEnum.Name(definition.parameter_type)}")
    if definition.literals and value not in definition.literals:
        raise _invalid_parameter(name, "is not one of the values that the pipeline allows")


def _invalid_parameter(name: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"parameter {name[:128]!r} {why}", reason="INVALID_PARAMETER", parameter=name[:128])
