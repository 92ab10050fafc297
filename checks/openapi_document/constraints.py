"""What the protos cannot say about fields: limits of requests, what answers always have. The document writer calls this.

Names are those of messages and fields without the package. The limits are those that the services check.
"""

from typing import Any

from server.codec.parameters import PARAMETER_KEY_CHARACTERS
from server.codec.runs import PLUGIN_COUNT
from server.packages.specs import SCHEMA_VERSION
from server.services import checks
from server.services.pipeline_versions import VERSION_NAME
from server.services.pipelines import TAG_TEXT, TAGS
from storage.model import ArtifactType

Keywords = dict[str, Any]

NO_NUL = r"^[^\u0000]*$"
"""What every text must match: no database keeps a NUL."""


def _text(limit: int) -> Keywords:
    return {"maxLength": limit}


_TAGS: Keywords = {
    "maxProperties": TAGS,
    "propertyNames": {"minLength": 1, "maxLength": TAG_TEXT, "pattern": r"^[^.\u0000]*$"},
    "additionalProperties": {"type": "string", "maxLength": TAG_TEXT, "pattern": NO_NUL},
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
    "Artifact.name": _text(checks.NAME),
    "Artifact.namespace": _text(checks.NAMESPACE),
    "Artifact.uri": _text(checks.URI),
    "ArtifactTask.key": _text(checks.KEY),
    "CreateArtifactRequest.producer_key": _text(checks.KEY),
    "Experiment.display_name": _text(checks.NAME),
    "Experiment.namespace": _text(checks.NAMESPACE),
    "FindCachedTaskRequest.cache_fingerprint": _text(checks.FINGERPRINT),
    "Pipeline.name": _text(checks.NAME),
    "Pipeline.display_name": _text(checks.DISPLAY_NAME),
    "Pipeline.namespace": _text(checks.NAMESPACE),
    "Pipeline.tags": _TAGS,
    "PipelineTask.name": _text(checks.NAME),
    "PipelineTask.display_name": _text(checks.DISPLAY_NAME),
    "PipelineTask.cache_fingerprint": _text(checks.FINGERPRINT),
    "PipelineTask.parent_task_id": _text(checks.ID_BYTES),
    "PipelineTask.InputOutputs.IOParameter.parameter_key": _text(PARAMETER_KEY_CHARACTERS),
    "PipelineVersion.name": _text(VERSION_NAME),
    "PipelineVersion.display_name": _text(checks.DISPLAY_NAME),
    "PipelineVersion.tags": _TAGS,
    "Run.display_name": _text(checks.DISPLAY_NAME),
    "Run.pipeline_spec": {"anyOf": [_SPEC, _WRAPPED_SPEC]},
    "Run.plugins_input": {"maxProperties": PLUGIN_COUNT},
    "Run.run_id": _text(checks.ID_BYTES),
    "Run.service_account": _text(checks.SERVICE_ACCOUNT),
    "UpdateTasksBulkRequest.tasks": {"propertyNames": {"minLength": 1, "pattern": NO_NUL}},
}
"""JSON Schema keywords of fields in requests, beyond what their types say."""

NOT_IN_REQUESTS = frozenset({"PipelineTask.run_id", "PipelineVersion.pipeline_id"})
"""Fields that requests may repeat and need not: what they say stands elsewhere in the request."""

UNREAD = frozenset({"FindCachedTaskRequest.namespace"})
"""Texts that nobody looks at, whatever they are."""

CHANGEABLE: dict[str, frozenset[str]] = {
    "Pipeline": frozenset({"display_name", "tags"}),
    "PipelineVersion": frozenset({"display_name", "tags"}),
}
"""Messages of which a patch changes some fields and ignores the others."""

ONE_OF_THESE: dict[str, dict[str, Keywords]] = {
    "Pipeline": {"name": {}, "display_name": {"maxLength": checks.NAME}},
    "PipelineVersion": {"name": {}, "display_name": {"maxLength": VERSION_NAME}},
}
"""Messages that a new resource is made from, of which one of some fields must be given; with what holds where it is the one."""

_CLASSIFICATIONS = [
    "ClassificationMetric",
    "SlicedClassificationMetric",
    ArtifactType.ClassificationMetric.value,
    ArtifactType.SlicedClassificationMetric.value,
]
_METRICS = ["Metric", ArtifactType.Metric.value]
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
"""Messages of which a request must be like one of some."""

NOT_IN_LISTS: dict[str, tuple[str, frozenset[str]]] = {
    "CreateArtifactsBulkRequest.artifacts": ("CreateArtifactsBulkItem", frozenset({"reuse_if_exists"})),
}
"""Lists whose messages have a schema of their own, and the fields that it lacks."""

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
"""Fields that every answer with the message has."""
