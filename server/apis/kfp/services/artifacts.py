"""ArtifactService: artifacts."""

from collections.abc import Awaitable, Sequence
from dataclasses import KW_ONLY, dataclass

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp import codec
from server.calls.apart import APART_BYTES, SerializedMessage, apart
from server.calls.call import Call
from server.calls.listings import ListRequest, cut, listing_of, next_token, reading, size_of
from server.rules import checks
from server.rules.artifacts import NewArtifact, keep_artifact, keep_artifacts, new_artifact
from server.well_known.wire import tags
from storage.contract import Page, ReadTx
from storage.fields import ARTIFACT_LIST
from storage.model import Artifact
from storage.slices import in_slices, in_turn

_SIZE = size_of("metadata", "description", "uri")
(_LISTED,) = tags(artifact_pb2.ListArtifactResponse, "artifacts")
(_CREATED,) = tags(artifact_pb2.CreateArtifactsBulkResponse, "artifacts")


async def get_artifact(call: Call, request: artifact_pb2.GetArtifactRequest) -> SerializedMessage:
    """Return one artifact."""
    checks.require(request.artifact_id, "artifact_id is required")
    artifact_id = checks.known_id("artifact", request.artifact_id)

    async def read(tx: ReadTx) -> Artifact:
        call.check_known()
        return await tx.artifacts.get(artifact_id)

    artifact = await call.store.read_by_key(read, is_one=True)
    call.check_size(_SIZE(artifact))
    return await _message(artifact)


async def list_artifacts(call: Call, request: artifact_pb2.ListArtifactRequest) -> SerializedMessage:
    """Return a page of artifacts; in single-user mode of every namespace."""
    list_request = ListRequest.of(request, "artifacts", listable=ARTIFACT_LIST)
    listing = listing_of(call, list_request)
    namespace = call.scope().namespace_filter

    async def read(tx: ReadTx) -> Page[Artifact]:
        call.check_known()
        return await tx.artifacts.list(listing, namespace=namespace)

    page = cut(call, await reading(call, listing)(read), listing, _SIZE)
    artifacts = await codec.artifact_list(page.rows, _LISTED)
    rest = artifact_pb2.ListArtifactResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    return SerializedMessage(artifact_pb2.ListArtifactResponse, artifacts + rest.SerializeToString())


async def create_artifact(call: Call, request: artifact_pb2.CreateArtifactRequest) -> SerializedMessage:
    """Store an artifact that a task made, and the link that says so; with reuse_if_exists link an equal one instead.

    A replay, as by a launcher that is tried again, answers with the artifact that the task has already.
    """
    new = _checked(request)
    new.check_numbers()
    record = _RecordOf(new, artifact_id=call.new_id(), namespace=call.scope().namespace, now=call.now())
    is_large = call.request_bytes > APART_BYTES
    artifact = await apart(record, request.artifact) if is_large else record(request.artifact)
    return await call.write(lambda store: store.write(lambda tx: keep_artifact(tx, new, artifact)), _message)


async def create_artifacts_bulk(call: Call, request: artifact_pb2.CreateArtifactsBulkRequest) -> SerializedMessage:
    """Store many artifacts and their links, all or none, answered in the order asked; replays as in CreateArtifact."""
    checks.bulk("artifacts", len(request.artifacts), call.settings.bulk_items_max)
    news: list[NewArtifact] = []
    await in_slices(request.artifacts, lambda item: news.append(_checked(item)))
    now = call.now()
    artifacts: list[Artifact] = []
    may_have_large = call.request_bytes > APART_BYTES

    def add_record(new: NewArtifact, message: artifact_pb2.Artifact) -> Awaitable[None] | None:
        new.check_numbers()
        artifact_id = call.new_id(len(artifacts))
        record = _RecordOf(new, artifact_id=artifact_id, namespace=call.scope().namespace, now=now)
        if may_have_large and message.ByteSize() > APART_BYTES:
            return add_apart(record, message)
        artifacts.append(record(message))
        return None

    async def add_apart(record: _RecordOf, message: artifact_pb2.Artifact) -> None:
        artifacts.append(await apart(record, message))

    await in_turn(zip(news, request.artifacts, strict=True), lambda pair: add_record(pair[0], pair[1].artifact))
    return await call.write(lambda store: store.write(lambda tx: keep_artifacts(tx, news, artifacts)), _bulk_answer)


async def _bulk_answer(artifacts: Sequence[Artifact]) -> SerializedMessage:
    data = await codec.artifact_list(artifacts, _CREATED)
    return SerializedMessage(artifact_pb2.CreateArtifactsBulkResponse, data)


def _checked(request: artifact_pb2.CreateArtifactRequest) -> NewArtifact:
    checks.require(request.HasField("artifact"), "artifact is required")
    new = codec.new_artifact(request)
    new.check()
    return new


@dataclass(frozen=True)
class _RecordOf:
    """Makes the record of a new artifact, given its message. Large ones are made in another process."""

    new: NewArtifact
    _: KW_ONLY
    artifact_id: str
    namespace: str  # a request must name one, which single-user mode then drops, as in KFP's API server
    now: int

    def __call__(self, message: artifact_pb2.Artifact) -> Artifact:
        """Return the record; raises UnusableValue for metadata that cannot be stored."""
        metadata = codec.metadata_text(message)
        return new_artifact(
            self.new, artifact_id=self.artifact_id, metadata=metadata, namespace=self.namespace, now=self.now
        )


async def _message(artifact: Artifact) -> SerializedMessage:
    is_large = _SIZE(artifact) > APART_BYTES
    data = await apart(codec.artifact_data, artifact) if is_large else codec.artifact_data(artifact)
    return SerializedMessage(artifact_pb2.Artifact, data)
