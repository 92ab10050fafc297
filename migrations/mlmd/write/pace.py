"""How much an import takes at a time beside servers that write to the same store. The writer of batches and the command call this.

A transaction keeps others waiting: all other writers of a SQLite file, and on servers those of the rows that its rows refer to.
It is as short as this module makes it, and is followed by a rest, in which those who wait get their turn.
"""

import asyncio
import contextlib
import os

TRANSACTION_SECONDS = 0.05
"""How long a transaction should take at most."""

TRANSACTION_SECONDS_OF_A_FILE = 0.02
"""The same where a transaction keeps every other writer waiting."""

REST_SECONDS_MAX = 0.5

ROWS_MIN, ROWS_MAX = 500, 20_000
"""With fewer rows, a transaction would hardly be shorter: it mostly waits for the disk and for a processor."""
GROWTH_MAX = 2.0
"""How much more rows a transaction may have than the one before."""


NICENESS = 10
"""How much less an import may claim of processors that are wanted by others."""


def give_way() -> None:
    """Lower the priority of this thread and of those that it starts: servers on the same machine have calls to answer.

    A thread that was started before keeps its priority. That of a SQLite file's writer should: while it waits for a processor,
    everybody else waits for it.
    """
    with contextlib.suppress(OSError):
        os.nice(NICENESS)


class Pace:
    """How many rows a transaction may write, from how long the previous ones took."""

    def __init__(self, *, has_one_writer: bool) -> None:
        self._seconds = TRANSACTION_SECONDS_OF_A_FILE if has_one_writer else TRANSACTION_SECONDS
        # Those who wait for a file look again from time to time, and must meet a rest.
        self._rest_factor = 2 if has_one_writer else 1
        self.rows = ROWS_MIN

    def note(self, rows: int, seconds: float) -> None:
        """Take in how long a transaction took with so many rows."""
        is_full = rows >= self.rows / GROWTH_MAX
        if rows and (is_full or seconds > self._seconds):
            # One that was short with few rows says little about how many would fit.
            fitting = rows * self._seconds / max(seconds, 1e-6)
            self.rows = int(min(max(fitting, ROWS_MIN), self.rows * GROWTH_MAX, ROWS_MAX))

    async def rest(self, seconds: float) -> None:
        """Leave the store to others after a transaction that took so long."""
        await asyncio.sleep(min(seconds * self._rest_factor, REST_SECONDS_MAX))
