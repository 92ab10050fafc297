"""How much an import takes at a time beside servers that write to the same store. The writer of batches and the command call this.

A transaction keeps others waiting: all other writers of a SQLite file, and on servers those of the rows that its rows refer to.
It is as short as this module makes it, and is followed by a rest, in which those who wait get their turn.
"""

import asyncio
import contextlib
import os
import time

TRANSACTION_SECONDS = 0.05
"""How long a transaction should take at most."""

TRANSACTION_SECONDS_OF_A_FILE = 0.015
"""The same where a transaction keeps every other writer waiting, while there are others."""

TRANSACTION_SECONDS_ALONE = 0.1
"""The same where nobody else has written lately: an import in larger pieces takes less of processor and disk."""

ALONE_AFTER_SECONDS = 10.0
"""How long nobody else has written when an import takes itself for alone again."""

REST_SECONDS_MAX = 0.5

ROWS_MIN, ROWS_MAX = 100, 20_000
"""With fewer rows, a transaction would hardly be shorter: it mostly waits for the disk and for a processor."""
ROWS_MIN_ALONE = 2000
"""The same while nobody else writes: each row costs half as much as in transactions with 500, since rows share pages."""
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
    """How many rows a transaction may write, from how long the previous ones took and from whether others write too."""

    def __init__(self, *, has_one_writer: bool) -> None:
        self._has_one_writer = has_one_writer
        self._others: int | None = None
        self._alone_from = time.monotonic()  # the first transactions are small, and show whether others write
        self.rows = ROWS_MIN

    def note_others(self, commits: int | None) -> None:
        """Take in a number that changes when others commit, as each transaction finds it; None if there is none."""
        if commits == self._others:
            return
        if self._others is not None:
            self._alone_from = time.monotonic() + ALONE_AFTER_SECONDS
            self.rows = min(self.rows, ROWS_MIN)
        self._others = commits

    def note(self, rows: int, seconds: float) -> None:
        """Take in how long a transaction took with so many rows."""
        is_full = rows >= self.rows / GROWTH_MAX
        if rows and (is_full or seconds > self._seconds):
            # One that was short with few rows says little about how many would fit.
            fitting = rows * self._seconds / max(seconds, 1e-6)
            least = ROWS_MIN_ALONE if self._is_alone else ROWS_MIN
            self.rows = int(min(max(fitting, least), self.rows * GROWTH_MAX, ROWS_MAX))

    async def rest(self, seconds: float) -> None:
        """Leave the store to others after a transaction that took so long."""
        # Those who wait for a file look again from time to time, and must meet a rest.
        factor = 4 if self._has_one_writer and not self._is_alone else 1
        await asyncio.sleep(min(seconds * factor, REST_SECONDS_MAX))

    @property
    def _is_alone(self) -> bool:
        return self._has_one_writer and time.monotonic() >= self._alone_from

    @property
    def _seconds(self) -> float:
        if not self._has_one_writer:
            return TRANSACTION_SECONDS
        return TRANSACTION_SECONDS_ALONE if self._is_alone else TRANSACTION_SECONDS_OF_A_FILE
