"""Pipeline specifications: which documents are one, and which runtime parameters fit it.

The rules are those Kubeflow Pipelines' API server applies before it compiles anything; the messages come from its published
package kfp-pipeline-spec. CreateRun calls this.
"""

from typing import Any

from google.protobuf import json_format, struct_pb2
from google.protobuf.message import Message
from kfp.pipeline_spec import pipeline_spec_pb2

from server.errors import InvalidArgument

SCHEMA_VERSION = "2.1.0"

_Type = pipeline_spec_pb2.ParameterType
_KINDS = {
    _Type.NUMBER_INTEGER: "number_value",
    _Type.NUMBER_DOUBLE: "number_value",
    _Type.STRING: "string_value",
    _Type.BOOLEAN: "bool_value",
    _Type.LIST: "list_value",
    _Type.STRUCT: "struct_value",
}


def read_spec(document: dict[str, Any]) -> Any:
    """Return the PipelineSpec message of a document: bare, or wrapped as {pipeline_spec, platform_spec}.

    Raises InvalidArgument for anything else.
    """
    if not document:
        raise InvalidArgument("the pipeline spec is empty", reason="INVALID_PIPELINE_SPEC")
    wrapped = "pipeline_spec" in document
    spec = _strict(document["pipeline_spec"] if wrapped else document, pipeline_spec_pb2.PipelineSpec())
    if spec is None or not spec.pipeline_info.name or not spec.HasField("root"):
        raise InvalidArgument(
            "the pipeline spec is not one: it needs pipelineInfo.name and root, and no unknown fields",
            reason="INVALID_PIPELINE_SPEC",
        )
    if spec.schema_version != SCHEMA_VERSION:
        raise InvalidArgument(f"schemaVersion must be {SCHEMA_VERSION}", reason="INVALID_PIPELINE_SPEC")
    return spec


def _strict(document: Any, message: Message) -> Any:
    """Return the message that a document spells exactly, None when it spells another or none."""
    if not isinstance(document, dict):
        return None
    try:
        return json_format.ParseDict(document, message)
    except (json_format.ParseError, RecursionError, ValueError, TypeError):
        return None


def check_parameters(spec: Any, given: Any) -> None:
    """Raise InvalidArgument unless the given values (name → Value) fit the inputs that the spec's root declares."""
    declared = spec.root.input_definitions.parameters
    for name in given:
        if name not in declared:
            raise _unfit(name, "is not an input of the pipeline")
    for name, definition in declared.items():
        if name in given:
            _check_value(name, definition, given[name])
        elif not definition.HasField("default_value") and not definition.is_optional:
            raise _unfit(name, "is required")


def _check_value(name: str, definition: Any, value: struct_pb2.Value) -> None:
    wanted = _KINDS.get(definition.parameter_type)
    if wanted is None:
        raise _unfit(name, "has a type that a run cannot be given")
    if value.WhichOneof("kind") != wanted:
        raise _unfit(name, f"must be a {_Type.ParameterTypeEnum.Name(definition.parameter_type)}")
    if definition.literals and value not in definition.literals:
        raise _unfit(name, "is not one of the values the pipeline allows")


def _unfit(name: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"parameter {name[:128]!r} {why}", reason="INVALID_PARAMETER", parameter=name[:128])
