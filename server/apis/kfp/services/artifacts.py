"""ArtifactService: artifacts."""

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp import codec
from server.calls.call import Call
from server.calls.listings import ListRequest, cut, listing_of, next_token, size_of
from server.calls.slices import in_slices
from server.rules import checks
from server.rules.artifacts import NewArtifact, keep_artifact, keep_artifacts, new_artifact
from storage.fields import ARTIFACT_LIST
from storage.ids import new_id
from storage.model import Artifact

_SIZE = size_of("metadata", "description", "uri")


async def get_artifact(call: Call, request: artifact_pb2.GetArtifactRequest) -> artifact_pb2.Artifact:
    """Return one artifact."""
    checks.require(request.artifact_id, "artifact_id is required")
    artifact_id = checks.known_id("artifact", request.artifact_id)
    return codec.artifact_message(await call.store.read_one(lambda tx: tx.artifacts.get(artifact_id)))


async def list_artifacts(call: Call, request: artifact_pb2.ListArtifactRequest) -> artifact_pb2.ListArtifactResponse:
    """Return a page of artifacts; in single-user mode of every namespace."""
    list_request = ListRequest.of(request, "artifacts", listable=ARTIFACT_LIST)
    listing = listing_of(call, list_request)
    namespace = call.scope().namespace_filter
    page = cut(await call.store.read(lambda tx: tx.artifacts.list(listing, namespace=namespace)), listing, _SIZE)
    response = artifact_pb2.ListArtifactResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    await in_slices(page.rows, lambda row: codec.artifact_message(row, response.artifacts.add()))
    return response


async def create_artifact(call: Call, request: artifact_pb2.CreateArtifactRequest) -> artifact_pb2.Artifact:
    """Store an artifact that a task made, and the link that says so; with reuse_if_exists link an equal one instead."""
    new = _checked(request)
    artifact = _record(call, new, request.artifact, now=call.now())
    return codec.artifact_message(await call.store.write(lambda tx: keep_artifact(tx, new, artifact)))


async def create_artifacts_bulk(
    call: Call, request: artifact_pb2.CreateArtifactsBulkRequest
) -> artifact_pb2.CreateArtifactsBulkResponse:
    """Store many artifacts and their links, all or none, answered in the order asked."""
    checks.bulk("artifacts", len(request.artifacts), call.settings.bulk_items_max)
    news: list[NewArtifact] = []
    await in_slices(request.artifacts, lambda item: news.append(_checked(item)))
    now = call.now()
    artifacts: list[Artifact] = []

    def add_record(new: NewArtifact, item: artifact_pb2.CreateArtifactRequest) -> None:
        artifacts.append(_record(call, new, item.artifact, now=now))

    await in_slices(zip(news, request.artifacts, strict=True), lambda pair: add_record(*pair))
    await call.store.write(lambda tx: keep_artifacts(tx, news, artifacts))
    response = artifact_pb2.CreateArtifactsBulkResponse()
    await in_slices(artifacts, lambda artifact: codec.artifact_message(artifact, response.artifacts.add()))
    return response


def _checked(request: artifact_pb2.CreateArtifactRequest) -> NewArtifact:
    checks.require(request.HasField("artifact"), "artifact is required")
    new = codec.new_artifact(request)
    new.check()
    return new


def _record(call: Call, new: NewArtifact, message: artifact_pb2.Artifact, *, now: int) -> Artifact:
    new.check_numbers()
    # The request must name a namespace, which single-user mode then drops, as in KFP's API server.
    namespace = call.scope().namespace
    metadata = codec.metadata_text(message)
    return new_artifact(new, artifact_id=new_id(), metadata=metadata, namespace=namespace, now=now)
