"""How much an import writes at a time beside servers that write to the same store. The writer of batches calls this.

A transaction keeps others waiting: all other writers of a SQLite file, and on servers those of the rows that its rows refer to.
It is as short as this module makes it, and is followed by a rest of the same length, in which those who wait get their turn.
"""

import asyncio

TRANSACTION_SECONDS = 0.05
"""How long a transaction should take at most."""

TRANSACTION_SECONDS_OF_A_FILE = 0.01
"""The same where a transaction keeps every other writer waiting: about the duration of one of theirs."""

ROWS_MIN, ROWS_MAX = 50, 20_000
_FIRST_ROWS = 250
GROWTH_MAX = 2.0
"""How much more rows a transaction may have than the one before."""


class Pace:
    """How many rows a transaction may write, from how long the previous ones took."""

    def __init__(self, *, has_one_writer: bool) -> None:
        self._seconds = TRANSACTION_SECONDS_OF_A_FILE if has_one_writer else TRANSACTION_SECONDS
        self.rows = _FIRST_ROWS

    def note(self, rows: int, seconds: float) -> None:
        """Take in how long a transaction took with so many rows."""
        is_full = rows >= self.rows / GROWTH_MAX
        if rows and (is_full or seconds > self._seconds):
            # One that was short with few rows says little about how many would fit.
            fitting = rows * self._seconds / max(seconds, 1e-6)
            self.rows = int(min(max(fitting, ROWS_MIN), self.rows * GROWTH_MAX, ROWS_MAX))

    async def rest(self, seconds: float) -> None:
        """Leave the store to others after a transaction that took so long."""
        await asyncio.sleep(min(seconds, self._seconds))
