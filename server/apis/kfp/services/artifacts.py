"""ArtifactService: artifacts."""

from collections.abc import Sequence
from dataclasses import replace

from lineal.v2beta1 import artifact_pb2

from server.apis.kfp import codec
from server.calls.call import Call
from server.calls.listings import ListRequest, listing_of, next_token
from server.errors import InvalidArgument
from server.rules import checks
from server.rules.artifacts import identity_key
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.links import output_link
from storage.contract import WriteTx
from storage.fields import ARTIFACT_LIST
from storage.ids import new_id
from storage.model import Artifact, ArtifactTask, ArtifactType, TaskHead

_METRIC = ArtifactType.Metric.value
CLASSIFICATION_METRICS = (ArtifactType.ClassificationMetric, ArtifactType.SlicedClassificationMetric)
"""Types whose values are in the metadata."""
_WITH_METADATA = tuple(type.value for type in CLASSIFICATION_METRICS)


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
    page = await call.store.read(lambda tx: tx.artifacts.list(listing, namespace=namespace))
    response = artifact_pb2.ListArtifactResponse(
        total_size=page.total_size, next_page_token=next_token(call, list_request, listing, page)
    )
    for row in page.rows:
        codec.artifact_message(row, response.artifacts.add())
    return response


async def create_artifact(call: Call, request: artifact_pb2.CreateArtifactRequest) -> artifact_pb2.Artifact:
    """Keep an artifact that a task made, and the link that says so; with reuse_if_exists link an equal one instead."""
    _check_request(request)
    artifact = _record(call, request, now=call.now(), with_identity=request.reuse_if_exists)

    async def write(tx: WriteTx) -> Artifact:
        heads = await tx.tasks.heads([request.task_id])
        task = _task_of(request, heads)
        row = await _reused(tx, artifact) if request.reuse_if_exists else None
        if row is None and request.reuse_if_exists:
            row = await tx.artifacts.create_unique(artifact)
        elif row is None:
            await tx.artifacts.create([artifact])
            row = artifact
        await tx.artifact_tasks.create([_link(request, row.id, task)])
        return row

    return codec.artifact_message(await call.store.write(write))


async def create_artifacts_bulk(
    call: Call, request: artifact_pb2.CreateArtifactsBulkRequest
) -> artifact_pb2.CreateArtifactsBulkResponse:
    """Keep many artifacts and their links, all or none, answered in the order asked."""
    items: Sequence[artifact_pb2.CreateArtifactRequest] = request.artifacts
    checks.bulk("artifacts", len(items), call.settings.bulk_items_max)
    for item in items:
        _check_request(item)
    now = call.now()
    artifacts = [_record(call, item, now=now) for item in items]
    task_ids = sorted({item.task_id for item in items})

    async def write(tx: WriteTx) -> None:
        heads = await tx.tasks.heads(task_ids)
        tasks = []
        for item in items:
            checks.require(not item.reuse_if_exists, "reuse_if_exists is not allowed in a bulk call")
            tasks.append(_task_of(item, heads))
        await tx.artifacts.create(artifacts)
        await tx.artifact_tasks.create(
            [_link(item, artifact.id, task) for item, artifact, task in zip(items, artifacts, tasks, strict=True)]
        )

    await call.store.write(write)
    response = artifact_pb2.CreateArtifactsBulkResponse()
    for artifact in artifacts:
        codec.artifact_message(artifact, response.artifacts.add())
    return response


def _check_request(request: artifact_pb2.CreateArtifactRequest) -> None:
    """Check in the order of KFP's API server; every failure is INVALID_ARGUMENT."""
    checks.require(request.HasField("artifact"), "artifact is required")
    artifact = request.artifact
    checks.require(not artifact.artifact_id, "artifact.artifact_id must be empty: the server makes it")
    checks.require(artifact.namespace, "artifact.namespace is required")
    checks.require(artifact.type, "artifact.type is required")
    checks.require(artifact.name, "artifact.name is required")
    checks.require(request.run_id, "run_id is required")
    checks.require(request.task_id, "task_id is required")
    checks.require(request.producer_key, "producer_key is required")
    if artifact.type == _METRIC:
        checks.require(artifact.HasField("number_value"), "artifact.number_value is required for a Metric")
    if artifact.type in _WITH_METADATA:
        checks.require(artifact.metadata, "artifact.metadata is required for a classification metric")
    checks.max_characters("artifact.name", artifact.name, MAX_CHARACTERS["Artifact.name"])
    checks.max_characters("artifact.namespace", artifact.namespace, MAX_CHARACTERS["Artifact.namespace"])
    checks.max_characters("artifact.uri", artifact.uri, MAX_CHARACTERS["Artifact.uri"])
    checks.max_bytes("artifact.description", artifact.description, checks.TEXT_BYTES)
    checks.max_characters("producer_key", request.producer_key, MAX_CHARACTERS["CreateArtifactRequest.producer_key"])


def _record(
    call: Call, request: artifact_pb2.CreateArtifactRequest, *, now: int, with_identity: bool = False
) -> Artifact:
    # The request must name a namespace, which single-user mode then drops, as in KFP's API server.
    namespace = call.scope().namespace
    artifact = codec.artifact_from_request(request.artifact, artifact_id=new_id(), namespace=namespace, now=now)
    return replace(artifact, identity_key=identity_key(artifact)) if with_identity else artifact


def _task_of(request: artifact_pb2.CreateArtifactRequest, heads: dict[str, TaskHead]) -> TaskHead:
    task = heads.get(request.task_id)
    if task is None:
        raise checks.not_found("task", request.task_id)
    if task.run_id != request.run_id:
        raise InvalidArgument(f"task {request.task_id!r} is not of run {request.run_id!r}")
    return task


def _link(request: artifact_pb2.CreateArtifactRequest, artifact_id: str, task: TaskHead) -> ArtifactTask:
    return output_link(
        task,
        artifact_id,
        link_id=new_id(),
        key=request.producer_key,
        iteration=request.iteration_index if request.HasField("iteration_index") else None,
    )


async def _reused(tx: WriteTx, artifact: Artifact) -> Artifact | None:
    """Find an equal artifact: by identity, else the oldest with the uri that was made without reuse."""
    assert artifact.identity_key is not None
    match = await tx.artifacts.find_by_identity(artifact.namespace, artifact.identity_key)
    if match is not None or not artifact.uri:
        return match
    for candidate in await tx.artifacts.find_by_uri(artifact.namespace, artifact.uri):
        if identity_key(candidate) == artifact.identity_key:
            return candidate
    return None
