"""MetricService: metrics that change while their task runs."""

from google.protobuf.struct_pb2 import Struct
from lineal.v1 import metrics_pb2

from server.calls.apart import APART_BYTES, apart
from server.calls.call import Call
from server.rules import checks
from server.rules.lineage.graph import ARTIFACT
from server.rules.metrics import ChangedMetric, MetricUpdate, keep_alive, update_metric
from server.rules.unusable import UnusableValue, column
from server.well_known.times import set_time
from server.well_known.values import plain_values
from storage.contract import Store
from storage.documents import series
from storage.documents.plain import compact
from storage.model import Artifact

_METADATA = "metadata"


async def update_artifact(call: Call, request: metrics_pb2.UpdateArtifactRequest) -> metrics_pb2.UpdateArtifactResponse:
    """Replace the metadata and the number of a metric, whose series never becomes shorter."""
    checks.require(request.artifact_id, "artifact_id is required")
    artifact_id = checks.known_id(ARTIFACT, request.artifact_id)
    number_value = request.number_value if request.HasField("number_value") else None
    update = MetricUpdate(number_value=number_value)
    update.check()
    if request.metadata.fields:
        is_large = call.request_bytes > APART_BYTES
        metadata, points = await apart(_read, request.metadata) if is_large else _read(request.metadata)
        update = update._replace(metadata=metadata, points=points)
    now = call.now()

    async def write(store: Store) -> ChangedMetric:
        metric = await store.write(lambda tx: update_metric(tx, artifact_id, update, now=now))
        await keep_alive(store, metric)
        return metric

    async def answer(metric: ChangedMetric) -> metrics_pb2.UpdateArtifactResponse:
        return _message(metric.artifact, update.points)

    return await call.write(write, answer)


def _read(metadata: Struct) -> tuple[str, int]:
    """Return metadata as they are stored, and the length of the series in them; raises UnusableValue."""
    plain = plain_values(metadata.fields, _METADATA)
    try:
        points = series.checked_length(plain, _METADATA)
    except ValueError as error:
        raise UnusableValue(str(error)) from None
    return column(compact(plain), _METADATA), points


def _message(artifact: Artifact, points: int) -> metrics_pb2.UpdateArtifactResponse:
    message = metrics_pb2.UpdateArtifactResponse(
        artifact_id=artifact.id, number_value=artifact.number_value, points=points
    )
    set_time(message.updated_at, artifact.updated_at)
    return message
