"""The upload routes of KFP's API server: a file becomes a pipeline or a version, answered as its message."""

from lineal.v2beta1 import pipeline_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.pipeline_versions import whole_version
from server.calls.apart import SerializedMessage
from server.calls.call import Call
from server.calls.http_calls import HttpCall
from server.packages.uploads import keep_uploaded_pipeline, keep_uploaded_version
from storage.model import Pipeline, PipelineVersion


async def upload_pipeline(call: Call, upload: HttpCall) -> pipeline_pb2.Pipeline:
    """Store the file as the first version of a new pipeline; the answer is the pipeline."""
    return await keep_uploaded_pipeline(call, upload, _uploaded)


async def _uploaded(pipeline: Pipeline, _: PipelineVersion) -> pipeline_pb2.Pipeline:
    return codec.pipeline_message(pipeline)


async def upload_pipeline_version(call: Call, upload: HttpCall) -> pipeline_pb2.PipelineVersion | SerializedMessage:
    """Store the file as a version of the pipeline that the parameter pipelineid names; the answer is the version."""
    return await keep_uploaded_version(call, upload, whole_version)
