"""PipelineService: pipelines and their tags. Pipelines are in the namespace of the call's scope."""

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import pipeline_pb2

from server.apis.kfp import codec
from server.apis.kfp.services import CLEAR_TAGS
from server.apis.kfp.services.answers import empty
from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token, reading
from server.errors import InvalidArgument
from server.rules import checks
from server.rules.pipelines import LabelUpdate, new_pipeline
from storage.contract import WriteTx
from storage.errors import InUse
from storage.fields import PIPELINE_LIST
from storage.model import Pipeline


async def create_pipeline(call: Call, request: pipeline_pb2.CreatePipelineRequest) -> pipeline_pb2.Pipeline:
    """Store a new pipeline ; its name must not be in use."""
    checks.require(request.HasField("pipeline"), "pipeline is required")
    new = codec.new_pipeline(request.pipeline)
    pipeline = new_pipeline(new, pipeline_id=call.new_id(), namespace=call.scope().namespace, now=call.now())

    async def answer(_: None) -> pipeline_pb2.Pipeline:
        return codec.pipeline_message(pipeline)

    return await call.write(lambda store: store.write(lambda tx: tx.pipelines.create(pipeline)), answer)


def label_update(call: Call, message: pipeline_pb2.Pipeline | pipeline_pb2.PipelineVersion) -> LabelUpdate:
    """Return what an update changes, of which the metadata of the call are a part."""
    return codec.label_update(message, clears_tags=call.metadata.get(CLEAR_TAGS) == "true")


async def get_pipeline(call: Call, request: pipeline_pb2.GetPipelineRequest) -> pipeline_pb2.Pipeline:
    """Return one pipeline with its tags."""
    checks.require(request.pipeline_id, "pipeline_id is required")
    pipeline_id = checks.known_id("pipeline", request.pipeline_id)
    return codec.pipeline_message(await call.store.read_by_key(lambda tx: tx.pipelines.get(pipeline_id)))


async def get_pipeline_by_name(call: Call, request: pipeline_pb2.GetPipelineByNameRequest) -> pipeline_pb2.Pipeline:
    """Return the pipeline of a name, never of a display name."""
    checks.no_nul("name", request.name)
    namespace = call.scope().namespace
    return codec.pipeline_message(
        await call.store.read_by_key(lambda tx: tx.pipelines.get_by_name(request.name, namespace))
    )


async def list_pipelines(call: Call, request: pipeline_pb2.ListPipelinesRequest) -> pipeline_pb2.ListPipelinesResponse:
    """Return a page of pipelines with their tags; in single-user mode of every namespace."""
    list_request = ListRequest.of(request, "pipelines", listable=PIPELINE_LIST)
    listing = listing_of(call, list_request)
    namespace = call.scope().namespace_filter
    page = await reading(call, listing)(lambda tx: tx.pipelines.list(listing, namespace=namespace))
    response = pipeline_pb2.ListPipelinesResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    for row in page.rows:
        codec.pipeline_message(row, response.pipelines.add())
    return response


async def update_pipeline(call: Call, request: pipeline_pb2.UpdatePipelineRequest) -> pipeline_pb2.Pipeline:
    """Change display name and tags where they are given; the rest of a pipeline never changes."""
    message = request.pipeline
    checks.require(message.pipeline_id, "pipeline.pipeline_id is required")
    labels = label_update(call, message)
    labels.check_pipeline()
    pipeline_id = checks.known_id("pipeline", message.pipeline_id)

    async def write(tx: WriteTx) -> Pipeline:
        await tx.pipelines.update(pipeline_id, display_name=labels.display_name or None, tags=labels.tags)
        return await tx.pipelines.get(pipeline_id)

    async def answer(pipeline: Pipeline) -> pipeline_pb2.Pipeline:
        return codec.pipeline_message(pipeline)

    return await call.write(lambda store: store.write(write), answer)


async def delete_pipeline(call: Call, request: pipeline_pb2.DeletePipelineRequest) -> Empty:
    """Delete a pipeline; its versions only with cascade. Runs keep their copies of the specification."""
    checks.require(request.pipeline_id, "pipeline_id is required")
    pipeline_id = checks.known_id("pipeline", request.pipeline_id)
    try:
        return await call.write(
            lambda store: store.write(lambda tx: tx.pipelines.delete(pipeline_id, with_versions=request.cascade)), empty
        )
    except InUse as error:
        raise InvalidArgument(
            "the pipeline has versions; delete them first, or use cascade", reason="IN_USE"
        ) from error
