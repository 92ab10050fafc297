"""What the protos cannot say about fields: limits of requests, what answers always have. The document writer calls this.

Names are those of messages and fields without the package. The limits are those that the services check.
"""

from typing import Any

from server.codec.parameters import PARAMETER_KEY_CHARACTERS
from server.codec.runs import PLUGIN_COUNT
from server.services import checks
from server.services.pipeline_versions import VERSION_NAME
from server.services.pipelines import TAG_TEXT, TAGS

Keywords = dict[str, Any]

NO_NUL = r"^[^\u0000]*$"


def _text(limit: int | None = None) -> Keywords:
    return {"pattern": NO_NUL} if limit is None else {"maxLength": limit, "pattern": NO_NUL}


_DESCRIPTION = _text()
_TAGS: Keywords = {
    "maxProperties": TAGS,
    "propertyNames": {"minLength": 1, "maxLength": TAG_TEXT, "pattern": r"^[^.\u0000]*$"},
    "additionalProperties": {"type": "string", **_text(TAG_TEXT)},
}

FIELDS: dict[str, Keywords] = {
    "Artifact.name": _text(checks.NAME),
    "Artifact.description": _DESCRIPTION,
    "Artifact.namespace": _text(checks.NAMESPACE),
    "Artifact.uri": _text(checks.URI),
    "ArtifactTask.key": _text(checks.KEY),
    "CreateArtifactRequest.producer_key": _text(checks.KEY),
    "Experiment.display_name": _text(checks.NAME),
    "Experiment.description": _DESCRIPTION,
    "Experiment.namespace": _text(checks.NAMESPACE),
    "FindCachedTaskRequest.cache_fingerprint": _text(checks.FINGERPRINT),
    "IOProducer.task_name": _text(),
    "Pipeline.name": _text(checks.NAME),
    "Pipeline.display_name": _text(checks.DISPLAY_NAME),
    "Pipeline.description": _DESCRIPTION,
    "Pipeline.namespace": _text(checks.NAMESPACE),
    "Pipeline.tags": _TAGS,
    "PipelineTask.name": _text(checks.NAME),
    "PipelineTask.display_name": _text(checks.DISPLAY_NAME),
    "PipelineTask.cache_fingerprint": _text(checks.FINGERPRINT),
    "PipelineTask.parent_task_id": _text(checks.ID_BYTES),
    "PipelineTask.scope_path": _text(),
    "PipelineTask.InputOutputs.IOParameter.parameter_key": _text(PARAMETER_KEY_CHARACTERS),
    "PipelineVersion.name": _text(VERSION_NAME),
    "PipelineVersion.display_name": _text(checks.DISPLAY_NAME),
    "PipelineVersion.description": _DESCRIPTION,
    "PipelineVersion.code_source_url": _DESCRIPTION,
    "PipelineVersion.tags": _TAGS,
    "Run.display_name": _text(checks.DISPLAY_NAME),
    "Run.description": _DESCRIPTION,
    "Run.experiment_id": _text(),
    "Run.plugins_input": {"maxProperties": PLUGIN_COUNT},
    "Run.recurring_run_id": _text(),
    "Run.run_id": _text(checks.ID_BYTES),
    "Run.service_account": _text(checks.SERVICE_ACCOUNT),
}
"""JSON Schema keywords of fields in requests, beyond what their types say."""

NOT_IN_REQUESTS = frozenset({"PipelineTask.run_id", "PipelineVersion.pipeline_id"})
"""Fields that requests may repeat and need not: what they say stands elsewhere in the request."""

ONE_OF_THESE: dict[str, dict[str, Keywords]] = {
    "Pipeline": {"name": {}, "display_name": {"maxLength": checks.NAME}},
    "PipelineVersion": {"name": {}, "display_name": {"maxLength": VERSION_NAME}},
}
"""Messages that a new resource is made from, of which one of some fields must be given; with what holds where it is the one."""

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
