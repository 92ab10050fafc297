"""PipelineService: pipeline versions, created from a package URL or an upload."""

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import pipeline_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.answers import empty
from server.apis.kfp.services.pipelines import label_update
from server.calls.apart import SerializedMessage, message_of
from server.calls.call import Call
from server.calls.listings import ListRequest, cut, listing_of, next_token, reading, size_of
from server.packages import urls
from server.packages.archives import unpack
from server.packages.reading import read_apart
from server.packages.versions import keep_pipeline_and_version, keep_version, new_version
from server.rules import checks
from server.rules.pipelines import check_tags, first_version_texts, new_pipeline
from storage.contract import Page, ReadTx, WriteTx
from storage.fields import PIPELINE_VERSION_LIST
from storage.model import PipelineVersion
from storage.slices import in_slices

_SIZE = size_of("pipeline_spec", "description")


async def create_pipeline_version(
    call: Call, request: pipeline_pb2.CreatePipelineVersionRequest
) -> pipeline_pb2.PipelineVersion | SerializedMessage:
    """Fetch a package and keep it as a version of an existing pipeline."""
    checks.require(request.HasField("pipeline_version"), "pipeline_version is required")
    texts, tags = codec.version_texts(request.pipeline_version), dict(request.pipeline_version.tags)
    checks.require(texts.package_url, "pipeline_version.package_url.pipeline_url is required")
    pipeline_id = request.pipeline_id or request.pipeline_version.pipeline_id
    checks.require(pipeline_id, "pipeline_id is required")
    texts.check()
    await urls.check_url(texts.package_url, call.settings)
    pipeline_id = checks.known_id("pipeline", pipeline_id)
    await call.store.read_by_key(lambda tx: tx.pipelines.get(pipeline_id))  # before anything is fetched for nothing
    package = await _fetch(call, texts.package_url)
    check_tags(tags)
    version = await new_version(
        texts, version_id=call.new_id(), pipeline_id=pipeline_id, package=package, tags=tags, now=call.now()
    )

    async def answer(_: None) -> pipeline_pb2.PipelineVersion | SerializedMessage:
        return await whole_version(version)

    return await call.write(lambda store: keep_version(store, version), answer)


async def create_pipeline_and_version(
    call: Call, request: pipeline_pb2.CreatePipelineAndVersionRequest
) -> pipeline_pb2.Pipeline:
    """Fetch a package and keep it as the first version of a new pipeline, both or none."""
    checks.require(request.HasField("pipeline"), "pipeline is required")
    checks.require(request.HasField("pipeline_version"), "pipeline_version is required")
    sent, tags = codec.version_texts(request.pipeline_version), dict(request.pipeline_version.tags)
    url = sent.package_url
    checks.require(url, "pipeline_version.package_url.pipeline_url is required")
    now = call.now()
    pipeline = new_pipeline(
        codec.new_pipeline(request.pipeline),
        pipeline_id=call.new_id(),
        namespace=call.scope().namespace,
        now=now,
        otherwise_named=urls.last_element(url),
    )
    texts = first_version_texts(sent, pipeline)
    texts.check()
    check_tags(tags)
    await urls.check_url(url, call.settings)
    package = await _fetch(call, url)
    version = await new_version(
        texts, version_id=call.new_id(), pipeline_id=pipeline.id, package=package, tags=tags, now=now
    )

    async def answer(_: None) -> pipeline_pb2.Pipeline:
        return codec.pipeline_message(pipeline)

    return await call.write(lambda store: keep_pipeline_and_version(store, pipeline, version), answer)


async def get_pipeline_version(
    call: Call, request: pipeline_pb2.GetPipelineVersionRequest
) -> pipeline_pb2.PipelineVersion | SerializedMessage:
    """Return a version by its own id; the pipeline's id is ignored, as in KFP's API server."""
    version_id = checks.known_id("pipeline version", request.pipeline_version_id)
    version = await call.store.read_by_key(lambda tx: tx.pipeline_versions.get(version_id))
    call.check_size(_SIZE(version))
    return await whole_version(version)


async def list_pipeline_versions(
    call: Call, request: pipeline_pb2.ListPipelineVersionsRequest
) -> pipeline_pb2.ListPipelineVersionsResponse:
    """Return a page of a pipeline's versions with specifications and tags."""
    list_request = ListRequest.of(
        request, "pipeline_versions", listable=PIPELINE_VERSION_LIST, scope=[request.pipeline_id]
    )
    listing = listing_of(call, list_request)
    checks.require(request.pipeline_id, "pipeline_id is required")
    pipeline_id = checks.known_id("pipeline", request.pipeline_id)

    async def read(tx: ReadTx) -> Page[PipelineVersion]:
        await tx.pipelines.get(pipeline_id)
        return await tx.pipeline_versions.list(listing, pipeline_id=pipeline_id, with_spec=True)

    page = cut(call, await reading(call, listing)(read), listing, _SIZE)
    response = pipeline_pb2.ListPipelineVersionsResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    await in_slices(page.rows, lambda row: codec.pipeline_version_message(row, response.pipeline_versions.add()))
    return response


async def update_pipeline_version(
    call: Call, request: pipeline_pb2.UpdatePipelineVersionRequest
) -> pipeline_pb2.PipelineVersion | SerializedMessage:
    """Change display name and tags where they are given; the rest of a version never changes."""
    message = request.pipeline_version
    checks.require(message.pipeline_id, "pipeline_version.pipeline_id is required")
    checks.require(message.pipeline_version_id, "pipeline_version.pipeline_version_id is required")
    labels = label_update(call, message)
    labels.check_version()
    version_id = checks.known_id("pipeline version", message.pipeline_version_id)

    async def write(tx: WriteTx) -> PipelineVersion:
        await tx.pipeline_versions.update(version_id, display_name=labels.display_name or None, tags=labels.tags)
        return await tx.pipeline_versions.get(version_id)

    return await call.write(lambda store: store.write(write), whole_version)


async def delete_pipeline_version(call: Call, request: pipeline_pb2.DeletePipelineVersionRequest) -> Empty:
    """Delete a version of the named pipeline; runs keep their copies of the specification."""
    checks.require(request.pipeline_id, "pipeline_id is required")
    checks.require(request.pipeline_version_id, "pipeline_version_id is required")
    pipeline_id = checks.known_id("pipeline", request.pipeline_id)
    version_id = checks.known_id("pipeline version", request.pipeline_version_id)

    async def write(tx: WriteTx) -> None:
        await tx.pipeline_versions.delete(version_id, pipeline_id=pipeline_id)

    return await call.write(lambda store: store.write(write), empty)


async def whole_version(version: PipelineVersion) -> pipeline_pb2.PipelineVersion | SerializedMessage:
    """Return a version as clients see it."""
    return await message_of(_SIZE(version), codec.pipeline_version_message, version)


async def _fetch(call: Call, url: str) -> bytes:
    file_name, data = await urls.fetch(url, call.settings)
    limit = call.settings.package_bytes_max
    # Not by its size: decompressing leaves the interpreter to others.
    return await read_apart(0, unpack, file_name, data, limit=limit)
