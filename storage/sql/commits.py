"""The end of a write transaction: a COMMIT that has begun is never cancelled, whoever waits for it. SqlStore calls this.

A statement that is a transaction by itself is such an end as a whole.

A driver would break the connection off, or have the database cancel the COMMIT, and what became of the write would be unknown
although the database works.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError

from storage.errors import OutcomeUnknown
from storage.sql.session import Session, Sessions
from storage.sql.turns import Turn

BROKEN = "the connection broke during COMMIT; the write may have happened"
LATE = "the deadline passed during COMMIT; the write may have happened"

Answer = TypeVar("Answer")

CLOSE_SECONDS = 1.0
"""How long the store, when it is closed, waits for the ends of transactions whose callers have left."""


class Endings:
    """The ends of transactions, of which some go on when their callers have left."""

    def __init__(self) -> None:
        self._left = set[asyncio.Task[Any]]()

    async def run(self, ending: Coroutine[Any, Any, Answer], turn: Turn) -> Answer:
        """Await the end of a transaction. When this is cancelled the end goes on, and the turn lasts as long."""
        task: asyncio.Task[Any] = asyncio.create_task(ending)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                turn.ending = task
                self._left.add(task)
                task.add_done_callback(self._left.discard)
            raise

    async def finish(
        self,
        end: Awaitable[Answer],
        session: Session,
        sessions: Sessions,
        is_unknown: Callable[[DBAPIError], bool],
        turn: Turn,
        deadline: float | None,
    ) -> Answer:
        """Await a COMMIT, or a statement that is a transaction by itself, and give the connection back.

        Raises OutcomeUnknown if the connection breaks, or the deadline passes meanwhile.
        """
        try:
            return await self.run(_finished(end, session, sessions, is_unknown), turn)
        except asyncio.CancelledError:
            # By the caller's own timer for the same deadline: what it asks for is to end now, and why is known only here.
            if deadline is not None and time.monotonic() >= deadline:
                raise OutcomeUnknown(LATE) from None
            raise

    async def close(self) -> None:
        """Wait for those that go on, but not for a database that does not answer."""
        if self._left:
            await asyncio.wait(tuple(self._left), timeout=CLOSE_SECONDS)


async def committed(session: Session) -> None:
    """Commit; a connection on which that fails is not used again."""
    try:
        await session.commit()
    except BaseException:
        # Whatever the error, the transaction may still be open, and the connection's next user must not commit it.
        session.is_usable = False
        raise


async def _finished(
    end: Awaitable[Answer], session: Session, sessions: Sessions, is_unknown: Callable[[DBAPIError], bool]
) -> Answer:
    try:
        return await end
    except BaseException as error:
        if isinstance(error, OSError) or (isinstance(error, DBAPIError) and is_unknown(error)):
            raise OutcomeUnknown(BROKEN) from error
        raise
    finally:
        await sessions.give_back(session)
