"""UpdateArtifact: a metric that changes while its task runs. What made anything else is never rewritten."""

from math import isfinite
from typing import NamedTuple

from server.errors import FailedPrecondition
from server.process.telemetry import log
from server.rules.limited_writes import write_within
from server.rules.runs import FINISHED
from server.rules.unusable import UnusableValue
from storage.contract import Lock, Store, WriteTx
from storage.documents.series import length_of
from storage.errors import StorageError
from storage.model import Artifact, ArtifactType, TaskState

ALIVE_SECONDS = 60
"""How often a metric that keeps changing says that its run is alive."""

TOUCH_SECONDS = 0.5
"""How long it waits for the row of the run, of which there is one for all metrics and tasks."""

_MAKERS_MAX = 20


class MetricUpdate(NamedTuple):
    """The new metadata of a metric, as they are stored, with the length of the series in them, and the new number."""

    metadata: str | None = None
    points: int = 0
    number_value: float | None = None

    def check(self) -> None:
        """Raise UnusableValue for a number that cannot be stored."""
        if self.number_value is not None and not isfinite(self.number_value):
            raise UnusableValue("number_value is NaN or an infinity")


class ChangedMetric(NamedTuple):
    """A metric as it is stored, and when it had been changed before, in microseconds."""

    artifact: Artifact
    changed_before: int


async def update_metric(tx: WriteTx, artifact_id: str, update: MetricUpdate, *, now: int) -> ChangedMetric:
    """Replace what a metric has, and return it as it is stored.

    Raises RowNotFound, and FailedPrecondition for artifacts of other types and for a series that would become shorter.
    """
    artifact = await tx.artifacts.lock(artifact_id)
    if artifact.type != ArtifactType.Metric:
        raise FailedPrecondition(f"artifact {artifact_id!r} is not a Metric", reason="NOT_A_METRIC")
    points = length_of(artifact.metadata)
    if update.points < points:
        raise FailedPrecondition(
            f"the series of artifact {artifact_id!r} has {points} points, that of the request {update.points}",
            reason="SHORTER_SERIES",
            points=str(points),
        )
    changed = await tx.artifacts.set_metric(
        artifact,
        metadata=update.metadata,
        # Adding 0.0 makes -0.0 the zero that SQLite and MariaDB would make of it.
        number_value=None if update.number_value is None else update.number_value + 0.0,
        # Clocks step, and those of two servers differ.
        updated_at=max(now, artifact.updated_at + 1),
    )
    return ChangedMetric(changed, artifact.updated_at)


async def keep_alive(store: Store, metric: ChangedMetric) -> None:
    """Let the run of a metric count as changed, every ALIVE_SECONDS: a task may log metrics for days and write nothing else.

    In a transaction of its own, which is given up when the row of the run does not come free.
    """
    now, period = metric.artifact.updated_at, ALIVE_SECONDS * 1_000_000
    if now // period == metric.changed_before // period:
        return
    artifact_id = metric.artifact.id

    async def touch(tx: WriteTx) -> None:
        links = await tx.lineage.producers([artifact_id], per_artifact=_MAKERS_MAX)
        for run_id in sorted({link.run_id for link in links if link.task_state == TaskState.RUNNING}):
            if (await tx.runs.lock(run_id, Lock.UPDATE)).state not in FINISHED:
                await tx.runs.touch(run_id, now=now)

    try:
        await write_within(store, TOUCH_SECONDS, touch)
    except StorageError as error:
        log.debug("run of a metric not touched", artifact=artifact_id, error=str(error))
