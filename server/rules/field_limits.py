"""How long the texts of requests may be, one row per field.

Services check requests with these rows, and the OpenAPI document shows them. Names are those of messages and fields without
their package.
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
