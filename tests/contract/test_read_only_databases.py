"""What the store does while its database takes no writes, as one that was demoted to a replica does not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit, urlunsplit

import pytest

from migrations.upgrade import upgrade_async
from storage.contract import WriteTx
from storage.errors import ReadOnly
from storage.model import Run
from storage.sql import store as store_module
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.contract.proxy import relay_to
from tests.databases import PrivateServer
from tests.databases.queries import execute
from tests.faults.database_faults import take_writes

pytestmark = pytest.mark.databases("postgresql", "mysql")

NAME = "lineal"
PATIENCE_SECONDS = 30.0
"""How long the callers of these tests wait; longer than a store retries for one that sets no deadline."""

StartServer = Callable[..., PrivateServer]


class Demotable:
    """A private server with a migrated database, which an account without special rights uses."""

    def __init__(self, server: PrivateServer) -> None:
        self._server = server
        parts = urlsplit(server.url)
        account = parts.netloc.rpartition("@")[0]
        if server.kind == "mysql":
            # The administrator may write to a server that is read-only.
            account = "plain:plain"
        self.url = urlunsplit(parts._replace(netloc=f"{account}@{parts.hostname}:{parts.port}", path=f"/{NAME}"))

    async def prepare(self) -> None:
        """Create the database."""
        self._execute(f"CREATE DATABASE {NAME}")
        if self._server.kind == "mysql":
            self._execute("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'plain'")
            self._execute(f"GRANT ALL ON {NAME}.* TO plain@'127.0.0.1'")
        await upgrade_async(self.url)

    def take_writes(self, allowed: bool) -> None:
        """Make the server read-only, or writable again, without ending a session."""
        take_writes(self._server, allowed)

    def _execute(self, statement: str) -> None:
        execute(self._server.url, statement)


@pytest.fixture
async def database(database_kind: str, start_private_server: StartServer) -> Demotable:
    """A database that takes writes until told otherwise."""
    database = Demotable(start_private_server(database_kind))
    await database.prepare()
    return database


@pytest.fixture
async def store(database: Demotable) -> AsyncIterator[SqlStore]:
    """A store on that database, whose connections are open."""
    store = SqlStore(database.url)
    await keep(store, a_run())
    await store.ready()
    yield store
    await store.close()


async def is_kept(store: SqlStore, run: Run) -> bool:
    """Whether reads of both forms find the run; raises RowNotFound if not."""
    heads = [await read(lambda tx: tx.runs.head(run.id)) for read in (store.read, store.read_one)]
    return [head.id for head in heads] == [run.id] * 2


async def until_refused(store: SqlStore) -> None:
    """Return when the server's sessions know that it is read-only: PostgreSQL's read the new setting a moment later."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await store.until(time.monotonic()).write(lambda tx: tx.runs.create(a_run()))
            except ReadOnly:
                return


async def test_a_database_that_takes_no_writes_is_not_ready(store: SqlStore, database: Demotable) -> None:
    database.take_writes(False)
    await until_refused(store)
    with pytest.raises(ReadOnly, match="the database is read-only"):
        await store.ready()
    database.take_writes(True)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await store.ready()
            except ReadOnly:
                await asyncio.sleep(0.05)


async def test_a_write_to_a_database_that_is_read_only_runs_again_until_its_deadline(
    store: SqlStore, database: Demotable, monkeypatch: pytest.MonkeyPatch
) -> None:
    # For callers without a deadline only: those that have one wait longer than this.
    monkeypatch.setattr(store_module, "RETRY_SECONDS", 0.1)
    database.take_writes(False)
    await until_refused(store)
    begun = time.monotonic()
    with pytest.raises(ReadOnly):
        await store.until(begun + 1.0).write(lambda tx: tx.runs.create(a_run()))
    assert 0.4 < time.monotonic() - begun < PATIENCE_SECONDS / 2
    run, attempts = a_run(), list[int]()

    async def write(tx: WriteTx) -> None:
        attempts.append(1)
        await tx.runs.create(run)

    writing = asyncio.create_task(store.until(time.monotonic() + PATIENCE_SECONDS).write(write))
    await asyncio.sleep(0.5)
    assert not writing.done()
    database.take_writes(True)
    await writing
    assert len(attempts) > 1
    assert await is_kept(store, run)


async def test_a_store_leaves_a_demoted_database_for_the_one_that_took_over(
    database: Demotable, database_kind: str, start_private_server: StartServer
) -> None:
    new_primary = Demotable(start_private_server(database_kind))
    await new_primary.prepare()
    async with relay_to(database.url) as (relay, url):
        store = SqlStore(url)
        old, new = a_run(), a_run()
        await keep(store, old)
        assert await is_kept(store, old)
        await store.ready()
        database.take_writes(False)
        await until_refused(store)
        relay.lead_to(new_primary.url)
        await store.until(time.monotonic() + PATIENCE_SECONDS).write(lambda tx: tx.runs.create(new))
        # Connections for reading left the old one too, on which the new run is not, or not yet.
        assert await is_kept(store, new)
        await store.ready()
        await store.close()
