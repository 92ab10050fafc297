"""When an experiment had its last run. It is written after the run, in a transaction of its own.

Within the run's, all new runs of an experiment would wait for one row, and fail with whoever holds it.
"""

from server.process.telemetry import log
from server.rules.limited_writes import write_within
from storage.contract import Store
from storage.errors import StorageError

RECORD_SECONDS = 0.5


async def record(store: Store, experiment_id: str, created_at: int) -> bool:
    """Move the time of an experiment's last run forward; return False when its row did not come free in RECORD_SECONDS."""
    try:
        await write_within(store, RECORD_SECONDS, lambda tx: tx.experiments.record_run(experiment_id, created_at))
    except StorageError as error:
        log.debug("last run not recorded", experiment=experiment_id, error=str(error))
        return False
    return True


async def make_up(store: Store, *, created_since: int) -> bool:
    """Record what was missed of runs created since a time in microseconds; return whether nothing is left to do."""
    missed = await store.read_one(lambda tx: tx.experiments.unrecorded_runs(created_since=created_since))
    recorded = [await record(store, experiment_id, created_at) for experiment_id, created_at in missed]
    return all(recorded)
