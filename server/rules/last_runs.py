"""When an experiment had its last run. It is written after the run, in a transaction of its own.

Within the run's, all new runs of an experiment would wait for one row, and fail with whoever holds it.
"""

import asyncio
import time

from server.process.telemetry import log
from storage.contract import Store
from storage.errors import StorageError

RECORD_SECONDS = 0.5


_leftovers: set[asyncio.Task[None]] = set()  # what an event loop runs needs a reference


async def record(store: Store, experiment_id: str, created_at: int) -> bool:
    """Move the time of an experiment's last run forward; return False when its row did not come free in RECORD_SECONDS."""
    limited = store.until(time.monotonic() + RECORD_SECONDS)
    # In a task that is left behind: up to Python 3.11, asyncio.wait_for may forget a cancellation, and drivers use it.
    writing = asyncio.ensure_future(limited.write(lambda tx: tx.experiments.record_run(experiment_id, created_at)))
    _leftovers.add(writing)
    writing.add_done_callback(_forget)
    try:
        await asyncio.wait([writing], timeout=RECORD_SECONDS)
        if writing.done():
            writing.result()
            return True
        reason = "its row did not come free"
    except StorageError as error:
        reason = str(error)
    finally:
        writing.cancel()
    log.debug("last run not recorded", experiment=experiment_id, error=reason)
    return False


def _forget(writing: asyncio.Task[None]) -> None:
    _leftovers.discard(writing)
    if not writing.cancelled():
        writing.exception()


async def make_up(store: Store, *, created_since: int) -> bool:
    """Record what was missed of runs created since a time in microseconds; return whether nothing is left to do."""
    missed = await store.read_one(lambda tx: tx.experiments.unrecorded_runs(created_since=created_since))
    recorded = [await record(store, experiment_id, created_at) for experiment_id, created_at in missed]
    return all(recorded)
