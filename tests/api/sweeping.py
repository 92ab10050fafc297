"""A sweep whose time the test moves on, and what it finds in a store. Called by the tests of runs that nobody closes."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from server.calls.call import microseconds_now
from server.rules.run_sweep import Closed, RunSweep
from storage.sql.store import SqlStore

GRACE_SECONDS = 300.0
SWEEP_SECONDS = 5.0
HOUR = 3600.0


@dataclass
class Sweeper:
    """A sweep as a server has it: `after(5)` lets five seconds pass and sweeps."""

    store: SqlStore
    abandoned_hours: float = 0.0
    now: Callable[[], int] = microseconds_now
    seconds: float = 1000.0
    sweep: RunSweep = field(init=False)

    def __post_init__(self) -> None:
        self.sweep = RunSweep(
            self.store,
            lambda: self.now(),
            cancel_grace_seconds=GRACE_SECONDS,
            abandoned_hours=self.abandoned_hours,
            sweep_seconds=SWEEP_SECONDS,
            clock=lambda: self.seconds,
        )

    async def after(self, seconds: float) -> Closed:
        """Sweep after so many seconds; more often, if a sweep that late would start anew."""
        end = self.seconds + seconds
        canceled = abandoned = 0
        while True:
            self.seconds = min(end, self.seconds + 50)
            closed = await self.sweep.close()
            canceled, abandoned = canceled + closed.canceled, abandoned + closed.abandoned
            if self.seconds == end:
                return Closed(canceled, abandoned)


@contextlib.asynccontextmanager
async def sweeping(url: str, **fields: Any) -> AsyncIterator[Sweeper]:
    """A sweeper of a store, until the block ends."""
    store = SqlStore(url)
    try:
        yield Sweeper(store, **fields)
    finally:
        await store.close()
