"""The maximum lengths of texts in requests, one row per field.

Requests are checked with these rows, and the OpenAPI document and the documentation show them. Names are those of messages and
fields without their package.
"""

from storage import lengths

MAX_CHARACTERS = {
    "Artifact.name": lengths.NAME,
    "Artifact.namespace": lengths.NAMESPACE,
    "Artifact.uri": lengths.URI,
    "ArtifactTask.key": lengths.KEY,
    "CreateArtifactRequest.producer_key": lengths.KEY,
    "Experiment.display_name": lengths.NAME,
    "Experiment.namespace": lengths.NAMESPACE,
    "FindCachedTaskRequest.cache_fingerprint": lengths.FINGERPRINT,
    "Pipeline.name": lengths.NAME,
    "Pipeline.display_name": lengths.DISPLAY_NAME,
    "Pipeline.namespace": lengths.NAMESPACE,
    "PipelineTask.name": lengths.NAME,
    "PipelineTask.display_name": lengths.DISPLAY_NAME,
    "PipelineTask.cache_fingerprint": lengths.FINGERPRINT,
    "PipelineTask.InputOutputs.IOParameter.parameter_key": lengths.KEY,
    "PipelineVersion.name": lengths.VERSION_NAME,
    "PipelineVersion.display_name": lengths.DISPLAY_NAME,
    "Run.display_name": lengths.DISPLAY_NAME,
    "Run.service_account": lengths.SERVICE_ACCOUNT,
}
"""Limits in characters, which are those of the columns."""

MAX_BYTES = {
    "PipelineTask.parent_task_id": lengths.ID,
    "PipelineTask.scope_path": 64 * 1024,
    "PipelineVersionReference.pipeline_id": lengths.ID,
    "PipelineVersionReference.pipeline_version_id": lengths.ID,
    "Run.pipeline_version_id": lengths.ID,
    "Run.recurring_run_id": lengths.ID,
    "Run.run_id": lengths.ID,
}
"""Limits in bytes of UTF-8: of ids that a client chooses or refers to, and of what has no column of bounded length."""
