"""SqlStore: the Store on a SQL database – engines, snapshots, transactions that are retried after a deadlock.

Only the server's composition root and the tests import it.
"""

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from sqlalchemy import Engine, NullPool, event, select
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.contract import ReadTx, Store, WriteTx
from storage.errors import (
    ReadOnly,
    SchemaMismatch,
    Unavailable,
    Unusable,
)
from storage.sql import tables
from storage.sql.commits import Endings
from storage.sql.dialects import dialect_for
from storage.sql.dialects.dialect import Failure
from storage.sql.dialects.sessions import SessionLimits
from storage.sql.examination import examine
from storage.sql.rows import RowVanished
from storage.sql.thread_turns import TakesLong
from storage.sql.transaction_threads import FAST, ThreadOptions
from storage.sql.transactions import SessionTransactions, ThreadTransactions, Transactions
from storage.sql.troubles import COLLISIONS, Troubles, error_of
from storage.sql.turns import Caller, Turn, Turns
from storage.tracebacks import release

CONNECT_SECONDS = 5.0
RETRY_SECONDS = 10.0  # how long a write keeps retrying when its caller has no deadline
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.5
READY_GRACE_SECONDS = 0.2
READY_SECONDS = 1.5  # readiness turns false within two seconds of a freeze of the database
# The next attempt sees rows that other calls have inserted or deleted in the meantime; if it keeps colliding, the call
# fails.
COLLISION_ATTEMPTS = 3

_FINAL = (Failure.TOO_LARGE, Failure.FORBIDDEN, Failure.UNAVAILABLE, Failure.DAMAGED)  # running again does not help
_PASSING = (Failure.READ_ONLY, Failure.DISCONNECTED)  # it helps once another database has taken over

LEAVE_SECONDS = 1.0  # how old a connection to a read-only database gets: calls that try again share new ones until then

Answer = TypeVar("Answer")


class SqlStore:
    """A Store on the database that a plain URL names; the schema must exist (see migrations)."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        connect_seconds: float = CONNECT_SECONDS,
        limits: SessionLimits | None = None,
        threads: ThreadOptions = FAST,
    ) -> None:
        self.dialect = dialect_for(url)
        self.dialect.session_limits = limits
        self._endings = Endings()
        connections: dict[str, Any] = {"pool_size": pool_size, "connect_seconds": connect_seconds}
        self._writes = self._transactions(writer=True, threads=threads, **connections)
        self._reads = self._transactions(writer=False, threads=threads, **connections)
        # For questions of operators. To a server connections for them are not kept: few can be open there.
        is_kept = not isinstance(self._reads, SessionTransactions)
        self._writer, self._reader = (
            self._engine(writer=writer, has_pool=is_kept, **connections) for writer in (True, False)
        )
        self._single_reader = self.dialect.single_read(self._reader)
        # Of its own: whether the database answers must not depend on how many calls wait for their turn.
        self._prober = self.dialect.single_read(
            self._engine(writer=False, pool_size=1, connect_seconds=connect_seconds)
        )
        self._write_turns, self._read_turns = Turns(self._writes.turns_max), Turns(self._reads.turns_max)
        self._probe_turns = Turns(1)
        self._troubles = Troubles(self.dialect)
        self._left_at = 0.0
        self._probes: set[asyncio.Task[None]] = set()

    def _transactions(
        self, *, writer: bool, threads: ThreadOptions, pool_size: int, connect_seconds: float
    ) -> Transactions:
        on_threads = self.dialect.threads(writer=writer, pool_size=pool_size, options=threads)
        if on_threads is not None:
            return ThreadTransactions(self.dialect, on_threads)
        engine = self._engine(
            writer=writer,
            pool_size=pool_size,
            connect_seconds=connect_seconds,
            has_pool=False,
            isolation_level="AUTOCOMMIT",  # transactions are begun and ended by their statements
        )
        return SessionTransactions(self.dialect, engine, self._endings, size=pool_size, writer=writer)

    def _engine(
        self, *, writer: bool, pool_size: int, connect_seconds: float, has_pool: bool = True, **options: Any
    ) -> AsyncEngine:
        options = {
            **self.dialect.engine_options(writer=writer, pool_size=pool_size, pool_timeout_seconds=connect_seconds),
            **options,
        }
        if not has_pool:
            for name in ("pool_size", "max_overflow", "pool_timeout"):
                del options[name]
            options["poolclass"] = NullPool
        # Values are users' data: not even the log of an unexpected error may contain them.
        engine = create_async_engine(self.dialect.url, hide_parameters=True, **options)
        self.dialect.prepare(engine, writer=writer)

        @event.listens_for(engine.sync_engine, "connect")
        def on_connect(_connection: Any, record: Any) -> None:
            record.info["connected_at"] = time.monotonic()

        @event.listens_for(engine.sync_engine, "checkout")
        def on_checkout(_connection: Any, record: Any, _proxy: Any) -> None:
            if record.info["connected_at"] < self._left_at:
                raise DisconnectionError  # which makes the pool connect again

        return engine

    def _leave(self) -> None:
        """Use no connection again that there is: a database that does not take writes has been replaced by another, or will be."""
        now = time.monotonic()
        if now - self._left_at > LEAVE_SECONDS:
            self._left_at = now
            self._writes.leave()
            self._reads.leave()

    @property
    def engines(self) -> tuple[AsyncEngine, AsyncEngine]:
        """The engines for writing and for reading."""
        return self._writer, self._reader

    @property
    def sync_engines(self) -> tuple[Engine, ...]:
        """Every engine whose statements are those of callers, for event listeners."""
        return self._writes.engine, self._reads.engine

    async def read(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """Run a callback on one snapshot; see storage.contract.Store."""
        return await self._retrying(self._read_turns, lambda turn: self._read_once(fn, None, turn))

    async def read_one(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """Run a callback that executes a single statement; see storage.contract.Store."""
        return await self._retrying(self._read_turns, lambda turn: self._read_once(fn, None, turn, is_one=True))

    async def read_by_key(self, fn: Callable[[ReadTx], Awaitable[Answer]], *, is_one: bool = False) -> Answer:
        """Run a callback that reads a few rows by their keys; see storage.contract.Store."""
        try:
            return self._reads.run_at_once(fn)
        except TakesLong:
            return await (self.read_one(fn) if is_one else self.read(fn))

    async def write(self, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
        """Run a callback in one transaction, again after a deadlock; see storage.contract.Store."""
        return await self._retrying(self._write_turns, lambda turn: self._write_once(fn, None, turn))

    def until(self, deadline: float | None) -> Store:
        """Return this store for one caller; see storage.contract.Store."""
        return self if deadline is None else _StoreUntil(self, deadline)

    @property
    def writes_at_once(self) -> bool:
        """See storage.contract.Store."""
        return self.dialect.at_once is not None

    async def write_at_once(self, fn: Callable[[WriteTx], Awaitable[bool]]) -> bool:
        """Run a callback with one statement that writes; see storage.contract.Store."""
        return await self._retrying(self._write_turns, lambda turn: self._writes.write_at_once(fn, turn, None))

    async def _read_once(
        self, fn: Callable[[ReadTx], Awaitable[Answer]], deadline: float | None, turn: Turn, *, is_one: bool = False
    ) -> Answer:
        return await self._reads.run(fn, turn, deadline, patience_seconds=RETRY_SECONDS, is_one=is_one)

    async def _write_once(
        self, fn: Callable[[WriteTx], Awaitable[Answer]], deadline: float | None, turn: Turn
    ) -> Answer:
        return await self._writes.run(fn, turn, deadline, patience_seconds=RETRY_SECONDS)

    async def _retrying(
        self, turns: Turns, attempt: Callable[[Turn], Awaitable[Answer]], deadline: float | None = None
    ) -> Answer:
        """Run an attempt, in its turn, until it succeeds, fails for a reason that retrying does not fix, or time is up."""
        end = time.monotonic() + RETRY_SECONDS
        if deadline is not None:
            end = min(end, deadline)
        pause = FIRST_PAUSE_SECONDS
        collisions, caller = 0, Caller()
        while True:
            await turns.take(deadline, patience_seconds=RETRY_SECONDS)
            turn = Turn(caller)
            try:
                try:
                    caller.check()
                    return await attempt(turn)
                except BaseException as error:
                    # SQLAlchemy's frames keep references to each error that passes through them, including cancellations.
                    release(error)
                    raise
                finally:
                    turns.give_back(turn)
            except PoolTimeout as error:
                raise Unavailable("no database connection became free in time") from error
            except OSError as error:
                self._troubles.note(error)
                raise Unavailable("the database cannot be reached") from error
            except (RowVanished, DBAPIError) as error:
                # A variable that outlives this clause would make the error part of a cycle, since its traceback holds this frame.
                failure = Failure.DUPLICATE if isinstance(error, RowVanished) else self.dialect.failure(error)
                # Full jitter: writers that collided once must not meet again at the same moment.
                delay = random.uniform(0, pause)
                collisions += failure in COLLISIONS
                if failure is Failure.UNKNOWN:
                    raise
                if failure is Failure.READ_ONLY:
                    self._leave()
                limit = deadline if deadline is not None and failure in _PASSING else end
                if failure in _FINAL or collisions == COLLISION_ATTEMPTS or time.monotonic() + delay >= limit:
                    self._troubles.note(error)
                    raise error_of(failure) from error
            await asyncio.sleep(delay)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def ready(self) -> None:
        """Ask for a sign of life; raises Unavailable without one within READY_SECONDS, ReadOnly, and Unusable."""

        async def ask(_: Turn) -> None:
            self.dialect.check_place()
            async with self._prober.connect() as connection:
                if await self.dialect.is_writable(connection):
                    return
                await connection.invalidate()
            self._leave()
            raise ReadOnly

        probe = asyncio.create_task(self._retrying(self._probe_turns, ask))
        self._probes.add(probe)
        try:
            await asyncio.wait([probe], timeout=READY_SECONDS)
            # After a late wake-up the answer may have come, without having been read yet.
            await asyncio.wait([probe], timeout=READY_GRACE_SECONDS)
            if not probe.done():
                raise Unavailable("the database does not respond")
            await probe
        except (ReadOnly, Unusable):
            raise
        except (SQLAlchemyError, Unavailable) as error:
            raise Unavailable("the database does not respond") from error
        finally:
            # Not awaited: a driver can take seconds to give up on a connection that does not respond.
            probe.cancel()
            probe.add_done_callback(self._forget)

    def _forget(self, probe: asyncio.Task[None]) -> None:
        self._probes.discard(probe)
        if not probe.cancelled():
            probe.exception()

    async def problems(self) -> list[str]:
        """Return one sentence for each unsafe setting, each right that is missing, and each damaged part that a check finds."""

        async def ask(_: Turn) -> list[str]:
            async with self._writer.connect() as connection:
                return await examine(connection, self.dialect)

        async def look(_: Turn) -> list[str]:
            # Not while a transaction keeps others from writing: the check reads the whole database.
            async with self._reader.connect() as connection:
                return await self.dialect.damage(connection)

        return [*await self._retrying(self._write_turns, ask), *await self._retrying(self._read_turns, look)]

    async def advice(self) -> list[str]:
        """Return one sentence for each setting of the database that is not wrong, but could be better."""

        async def ask(_: Turn) -> list[str]:
            async with self._single_reader.connect() as connection:
                return await self.dialect.advice(connection)

        return await self._retrying(self._read_turns, ask)

    def has_writes(self) -> bool:
        """Return whether there are writes, or were just now, that share the interpreter with the event loop."""
        return self._writes.share_the_interpreter()

    def pool_use(self) -> dict[str, tuple[int, int]]:
        """Return, for the write pool and the read pool, the number of connections in use and its maximum."""
        return {"writer": self._writes.use(), "reader": self._reads.use()}

    async def size_bytes(self) -> int:
        """Return the size of the store in bytes, as reported by the database; raises StorageError."""

        async def ask(_: Turn) -> int:
            async with self._single_reader.connect() as connection:
                return await self.dialect.size_bytes(connection)

        return await self._retrying(self._read_turns, ask)

    async def page_token_key(self) -> bytes:
        """Return the key that signs page tokens, the same for every server on this database."""
        statement = select(tables.settings.c.value).where(tables.settings.c.name == "page_token_key")

        async def read(_: Turn) -> str | None:
            async with self._single_reader.connect() as connection:
                key: str | None = (await connection.execute(statement)).scalar()
                return key

        value = await self._retrying(self._read_turns, read)
        if value is None:
            raise SchemaMismatch(
                "the store has no page token key because its first upgrade did not finish; run `lineal-server upgrade`"
            )
        return bytes.fromhex(value)

    async def close(self) -> None:
        """Close every connection; a second call does nothing."""
        await asyncio.gather(*self._probes, return_exceptions=True)
        await self._endings.close()
        await self._writes.close()
        await self._reads.close()
        for engine in (self._writer, self._reader, self._prober):
            pool = engine.pool
            with contextlib.suppress(SQLAlchemyError, OSError):
                await engine.dispose()
            # What a transaction that still goes on gives back to the pool would stay open: nobody takes it from there.
            event.listen(pool, "checkin", lambda _, record: record.invalidate())
        await self.dialect.close()


class _StoreUntil:
    """A store for a caller that stops waiting at a monotonic time; what it has is the store's."""

    __slots__ = ("_deadline", "_store")

    def __init__(self, store: SqlStore, deadline: float) -> None:
        self._store, self._deadline = store, deadline

    async def read(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        store = self._store
        attempt = lambda turn: store._read_once(fn, self._deadline, turn)  # noqa: E731
        return await store._retrying(store._read_turns, attempt, self._deadline)

    async def read_one(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        store = self._store
        attempt = lambda turn: store._read_once(fn, self._deadline, turn, is_one=True)  # noqa: E731
        return await store._retrying(store._read_turns, attempt, self._deadline)

    async def read_by_key(self, fn: Callable[[ReadTx], Awaitable[Answer]], *, is_one: bool = False) -> Answer:
        try:
            return self._store._reads.run_at_once(fn)
        except TakesLong:
            return await (self.read_one(fn) if is_one else self.read(fn))

    async def write(self, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
        store = self._store
        attempt = lambda turn: store._write_once(fn, self._deadline, turn)  # noqa: E731
        return await store._retrying(store._write_turns, attempt, self._deadline)

    @property
    def writes_at_once(self) -> bool:
        return self._store.writes_at_once

    async def write_at_once(self, fn: Callable[[WriteTx], Awaitable[bool]]) -> bool:
        store = self._store
        attempt = lambda turn: store._writes.write_at_once(fn, turn, self._deadline)  # noqa: E731
        return await store._retrying(store._write_turns, attempt, self._deadline)

    def until(self, deadline: float | None) -> Store:
        return self._store.until(deadline)

    async def ready(self) -> None:
        await self._store.ready()

    async def page_token_key(self) -> bytes:
        return await self._store.page_token_key()

    async def close(self) -> None:
        await self._store.close()
