"""Constraints of fields that protos cannot express: limits of requests, fields that responses always have.

Names are those of messages and fields without the package. The limits are those that the services check. The document writer
calls this.
"""

from typing import Any

from openapi_document.forms import NO_NUL
from server.packages.specs import SCHEMA_VERSION
from server.rules.artifacts import CLASSIFICATION_METRICS
from server.rules.field_limits import MAX_BYTES, MAX_CHARACTERS
from server.rules.new_runs import PLUGIN_COUNT
from server.rules.pipelines import TAGS
from storage import lengths
from storage.model import ArtifactType

Keywords = dict[str, Any]

_TAGS: Keywords = {
    "maxProperties": TAGS,
    "propertyNames": {"minLength": 1, "maxLength": lengths.TAG, "pattern": r"^[^.\u0000]*$"},
    "additionalProperties": {"type": "string", "maxLength": lengths.TAG, "pattern": NO_NUL},
}

_SPEC: Keywords = {
    "properties": {
        "pipelineInfo": {
            "type": "object",
            "properties": {"name": {"type": "string", "minLength": 1}},
            "required": ["name"],
        },
        "root": {"type": "object"},
        "schemaVersion": {"const": SCHEMA_VERSION},
    },
    "required": ["pipelineInfo", "root", "schemaVersion"],
}
_WRAPPED_SPEC: Keywords = {
    "properties": {"pipeline_spec": {"type": "object", **_SPEC}, "platform_spec": {}},
    "required": ["pipeline_spec"],
}

FIELDS: dict[str, Keywords] = {
    **{field: {"maxLength": limit} for field, limit in MAX_CHARACTERS.items()},
    # These limits are in bytes: a text with more characters than that is always refused.
    **{field: {"maxLength": limit} for field, limit in MAX_BYTES.items()},
    "Pipeline.tags": _TAGS,
    "PipelineVersion.tags": _TAGS,
    "Run.pipeline_spec": {"anyOf": [_SPEC, _WRAPPED_SPEC]},
    "Run.plugins_input": {"maxProperties": PLUGIN_COUNT},
    "UpdateTasksBulkRequest.tasks": {"propertyNames": {"minLength": 1, "pattern": NO_NUL}},
}
"""JSON Schema keywords of fields in requests, in addition to those of their types."""

NOT_IN_REQUESTS = frozenset({"PipelineTask.run_id", "PipelineVersion.pipeline_id"})
"""Fields that are optional in requests, because their value is also elsewhere in the request."""

UNREAD = frozenset({"FindCachedTaskRequest.namespace"})
"""Texts that are not checked."""

CHANGEABLE: dict[str, frozenset[str]] = {
    "Pipeline": frozenset({"display_name", "tags"}),
    "PipelineVersion": frozenset({"display_name", "tags"}),
}
"""The fields of messages that a patch changes; it ignores the others."""

ONE_OF_THESE: dict[str, dict[str, Keywords]] = {
    "Pipeline": {"name": {}, "display_name": {"maxLength": MAX_CHARACTERS["Pipeline.name"]}},
    "PipelineVersion": {"name": {}, "display_name": {"maxLength": MAX_CHARACTERS["PipelineVersion.name"]}},
}
"""Messages from which a resource is created and that need one of several fields; with the conditions of each of these."""


def _spellings(*types: ArtifactType) -> list[str | int]:
    """Return all values that denote some types in a request: their names and their numbers."""
    return [*(type.name for type in types), *(type.value for type in types)]


_METRICS = _spellings(ArtifactType.Metric)
_CLASSIFICATIONS = _spellings(*CLASSIFICATION_METRICS)
CASES: dict[str, list[Keywords]] = {
    "Artifact": [
        {"properties": {"type": {"not": {"enum": [*_METRICS, *_CLASSIFICATIONS]}}}},
        {
            "properties": {"type": {"enum": _METRICS}, "number_value": {"type": ["number", "string"]}},
            "required": ["number_value"],
        },
        {
            "properties": {"type": {"enum": _CLASSIFICATIONS}, "metadata": {"type": "object", "minProperties": 1}},
            "required": ["metadata"],
        },
    ]
}
"""Messages that must match one of several schemas in a request."""

NOT_IN_LISTS: dict[str, tuple[str, frozenset[str]]] = {
    "CreateArtifactsBulkRequest.artifacts": ("CreateArtifactsBulkItem", frozenset({"reuse_if_exists"})),
}
"""Lists whose messages have their own schema, and the fields that it lacks."""

ALWAYS_THERE: dict[str, tuple[str, ...]] = {
    "Artifact": ("artifact_id", "name", "type", "created_at"),
    "ArtifactTask": ("id", "artifact_id", "run_id", "task_id", "type", "producer", "key"),
    "Experiment": ("experiment_id", "display_name", "created_at", "storage_state", "last_run_created_at"),
    "Pipeline": ("pipeline_id", "name", "display_name", "created_at"),
    "PipelineTask": ("task_id", "run_id", "inputs", "outputs"),
    "PipelineTask.ChildTask": ("task_id",),
    "PipelineVersion": ("pipeline_id", "pipeline_version_id", "name", "display_name", "created_at", "pipeline_spec"),
    "Run": ("run_id", "experiment_id", "display_name", "storage_state", "created_at", "state"),
}
"""Fields that every response with the message has."""
