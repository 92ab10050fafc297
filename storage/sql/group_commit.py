"""Writes that wait for the same COMMIT: of those that are queued, several share a transaction, each with a savepoint.

Most of a small write is its COMMIT, which waits for the disk. Called by the thread that writes.

No caller is told anything before COMMIT, not even an error, which may be due to what another has written. If the whole
transaction is lost, each callback runs again in one of its own.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy.exc import DBAPIError

from storage.errors import OutcomeUnknown
from storage.record import record
from storage.sql.kept_connection import KeptConnection
from storage.sql.thread_turns import Outcome, TakesLong, TransactionLost, Turn, TurnConnection, TurnLine, tell

FAILED = "the disk failed during COMMIT; the write may have happened"

GROUP_MAX = 64
"""How many writes share a COMMIT."""

GROUP_SECONDS = 0.01
"""How long after the first of a group has been done further ones begin. Half a millisecond is what a small one takes."""

LONG_SECONDS = 0.025
"""How long a write may take that others of its group wait for; it is undone after that, and runs again on its own."""


@record
class Commits:
    """What is called before each COMMIT, and whether a write may have happened despite an error in it."""

    before: Callable[[], None]
    is_unknown: Callable[[DBAPIError], bool]


class GroupCommit:
    """The transactions of one thread that writes, at most `size_max` of them with one COMMIT."""

    def __init__(self, kept: KeptConnection, commits: Commits, *, size_max: int) -> None:
        self._kept, self._commits, self._size_max = kept, commits, size_max

    def run(self, turn: Turn[Any], line: TurnLine) -> None:
        """Run a turn, and if others are in the line some of them; commit, and tell the callers."""
        if self._size_max == 1 or line.is_empty():
            self._alone(turn)
            return
        outcomes, late = self._together(turn, line)
        self._end_group(outcomes)
        if late is not None:
            self._alone(late)

    def _together(self, turn: Turn[Any], line: TurnLine) -> tuple[list[Outcome[Any]], Turn[Any] | None]:
        """Return the outcomes of several turns before COMMIT, and a turn that would have kept the others waiting."""
        outcomes = list[Outcome[Any]]()
        end = until = None
        upcoming: Turn[Any] | None = turn
        while upcoming is not None:
            if upcoming.begin():
                outcome = self._attempt(upcoming, nested=True, until=until)
                if isinstance(outcome.error, TakesLong):
                    return outcomes, outcome.forget()
                outcomes.append(outcome)
            now = time.perf_counter()
            # Not from the beginning: another process may have held the database until now.
            end, until = end or now + GROUP_SECONDS, now + LONG_SECONDS
            is_full = len(outcomes) == self._size_max or now >= end
            upcoming = None if is_full or self._kept.is_lost else line.next_waiting()
        return outcomes, None

    def _attempt(self, turn: Turn[Any], *, nested: bool, until: float | None = None) -> Outcome[Any]:
        """Run a callback; of one that fails in a group, undo what it has written, so that its neighbours can go on."""
        connection = TurnConnection(self._kept, turn.has_left, nested=nested, until=until)
        try:
            answer = turn.run(connection, self._kept)
            turn.reach_commit()
            outcome = Outcome(turn, answer)
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            outcome = Outcome(turn, error=error)
        if nested and connection.is_begun and not self._kept.is_lost:
            self._kept.release(undo=outcome.error is not None)
        return outcome

    def _alone(self, turn: Turn[Any]) -> None:
        """Run a turn in a transaction of its own, perhaps again."""
        if not turn.begin():
            return
        outcome = self._attempt(turn, nested=False)
        if outcome.error is None:
            outcome.error = self._failure_of_commit()
        self._kept.roll_back()
        tell([outcome])

    def _end_group(self, outcomes: list[Outcome[Any]]) -> None:
        """Commit what turns have done, and tell their callers; if it comes to nothing, run each again on its own."""
        failure = self._failure_of_commit()
        self._kept.roll_back()
        if failure is None:
            tell(outcomes)
            return
        if isinstance(failure, OutcomeUnknown):
            unknown = [outcome for outcome in outcomes if outcome.error is None]
            for outcome in unknown:
                outcome.answer, outcome.error = None, OutcomeUnknown(FAILED)
            outcomes = [outcome for outcome in outcomes if outcome not in unknown]
            tell(unknown)
        again = [outcome.forget() for outcome in outcomes]
        for turn in again:
            self._alone(turn)

    def _failure_of_commit(self) -> BaseException | None:
        """Commit; return the error if that fails, and then never use the connection again."""
        try:
            if self._kept.is_lost:
                raise TransactionLost
            self._commits.before()
            self._kept.commit()
        except BaseException as error:  # noqa: BLE001 - it is the caller's
            self._kept.drop()
            if isinstance(error, DBAPIError) and self._commits.is_unknown(error):
                unknown = OutcomeUnknown(FAILED)
                unknown.__cause__ = error
                return unknown
            return error
        return None
