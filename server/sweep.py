"""The sweep: what each process does every few seconds beside answering calls. The composition root starts it."""

import asyncio
import itertools

from server.calls.call import Shared
from server.process.telemetry import log
from server.rules import last_runs, old_keys
from server.rules.run_sweep import RunSweep
from storage.errors import StorageError

MICROSECONDS = 1_000_000
FIRST_SWEEP_SECONDS = 24 * 3600  # how far back a new server looks for what others did not record
SLACK_SECONDS = 60.0

SWEEPS_PER_KEYS = 12
"""Only one sweep in so many looks for old idempotency keys, which are kept for a day: an idle server should do little."""


async def sweep(shared: Shared) -> None:
    """Periodically close runs that nobody else closes, record last runs that were missed, and delete old idempotency keys.

    An error must not stop the sweep.
    """
    settings = shared.settings
    runs = RunSweep(
        shared.store,
        shared.now,
        cancel_grace_seconds=settings.cancel_grace_seconds,
        abandoned_hours=settings.abandoned_hours,
        sweep_seconds=settings.sweep_seconds,
    )
    unswept_since = shared.now() - FIRST_SWEEP_SECONDS * MICROSECONDS

    async def close_runs() -> None:
        closed = await runs.close()
        if any(closed):
            log.info("closed runs", canceled=closed.canceled, abandoned=closed.abandoned)

    async def make_up() -> None:
        nonlocal unswept_since
        begun = shared.now()
        if await last_runs.make_up(shared.store, created_since=unswept_since):
            # A run is created a while before it can be read, by a server whose clock may differ.
            unswept_since = begun - int(settings.call_seconds_max + SLACK_SECONDS) * MICROSECONDS

    async def forget_keys() -> None:
        kept_for = int(settings.idempotency_hours * 3600 * MICROSECONDS)
        await old_keys.delete(shared.store, created_before=shared.now() - kept_for)

    for number in itertools.count(1):
        await asyncio.sleep(settings.sweep_seconds)
        chores = (close_runs, make_up) if number % SWEEPS_PER_KEYS else (close_runs, make_up, forget_keys)
        for chore in chores:
            try:
                await chore()
            except StorageError as error:
                log.warning("sweep failed", error=str(error))
            except Exception as error:  # noqa: BLE001 - anything else is a bug, and must not stop the sweep either
                log.error("sweep failed", exc_info=error)
