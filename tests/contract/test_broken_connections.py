"""What the store does when its connection breaks, or when there is no database to connect to."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

import aiosqlite
import pytest

from storage.contract import WriteTx
from storage.errors import OutcomeUnknown, Unavailable
from storage.model import Task
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_run, keep
from tests.contract.proxy import relay_to
from tests.databases import PrivateServer
from tests.databases.private import free_port
from tests.listening import listening

servers_only = pytest.mark.databases("postgresql", "mysql")

HANGING_SECONDS = 60
"""What does not end within this never would."""


# BEGIN names the isolation level, whose words begin alike.
COMMIT = {"postgresql": b"COMMIT;", "mysql": b"\x03COMMIT"}


def rename(task: Task, attempts: list[int]) -> Callable[[WriteTx], object]:
    async def write(tx: WriteTx) -> None:
        attempts.append(1)
        await tx.tasks.lock([task.id])
        await tx.tasks.update([(task, replace(task, name="after"))])

    return write


@servers_only
async def test_a_callback_whose_connection_breaks_runs_again(store: SqlStore, migrated_url: str) -> None:
    task, attempts = await a_kept_task(store, name="before"), []
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        relay.cut_at(b"UPDATE tasks", lets_through=True)
        await relayed.write(rename(task, attempts))
        await relayed.close()
    assert relay.cuts == 1
    assert len(attempts) == 2
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == "after"


@servers_only
@pytest.mark.parametrize("arrives", [True, False])
async def test_a_broken_commit_raises_outcomeunknown(
    store: SqlStore, migrated_url: str, database_kind: str, arrives: bool
) -> None:
    task, attempts = await a_kept_task(store, name="before"), []
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        await keep(relayed, a_run())  # over a connection that stays open
        relay.cut_at(COMMIT[database_kind], lets_through=arrives)
        with pytest.raises(OutcomeUnknown, match="may have happened"):
            await relayed.write(rename(task, attempts))
        await keep(relayed, a_run())
        await relayed.close()
    assert (relay.cuts, len(attempts)) == (1, 1)
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == ("after" if arrives else "before")


FAREWELL = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
ENDING = b"E" + (len(FAREWELL) + 4).to_bytes(4, "big") + FAREWELL


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("last", [b"server_version", b"SELECT"])
async def test_a_session_that_the_server_has_just_ended_is_left(
    store: SqlStore, migrated_url: str, last: bytes
) -> None:
    """The server says that it ends a session, and hangs up later; in between the driver refuses to send anything."""
    task, attempts = await a_kept_task(store, name="before"), []
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        assert await relayed.read(lambda tx: tx.tasks.get(task.id)) == task
        relay.end_after(last, ENDING)
        reads = [relayed.read(lambda tx: tx.tasks.get(task.id)) for _ in range(2)]
        assert await asyncio.gather(*reads) == [task] * 2
        relay.end_after(last, ENDING)
        await relayed.write(rename(task, attempts))
        await relayed.close()
    assert relay.cuts == 2
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).name == "after"


@servers_only
async def test_a_read_whose_connection_breaks_runs_again(store: SqlStore, migrated_url: str) -> None:
    task = await a_kept_task(store)
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        for read in (relayed.read, relayed.read_one):
            relay.cut_at(task.id.encode(), lets_through=False)
            assert await read(lambda tx: tx.tasks.get(task.id)) == task
        await relayed.close()
    assert relay.cuts == 2


@servers_only
async def test_connections_that_broke_while_idle_are_not_noticed(store: SqlStore, migrated_url: str) -> None:
    task = await a_kept_task(store)
    async with relay_to(migrated_url) as (relay, url):
        relayed = SqlStore(url)
        for _ in range(2):
            assert await relayed.read(lambda tx: tx.tasks.get(task.id)) == task
            await keep(relayed, a_run())
            await relay.close_all()
        await relayed.close()


def nowhere(kind: str) -> str:
    """The URL of a database that cannot be had."""
    path = "/proc/none.sqlite" if kind == "sqlite" else f"user:password@127.0.0.1:{free_port()}/lineal"
    return f"{kind}://{'/' if kind == 'sqlite' else ''}{path}"


async def test_a_write_without_a_database_raises_unavailable(database_kind: str) -> None:
    store = SqlStore(nowhere(database_kind))
    started = time.monotonic()
    for call in (lambda: keep(store, a_run()), store.page_token_key, store.problems):
        with pytest.raises(Unavailable) as caught:
            await call()
        assert str(caught.value) in ("the database cannot be reached", "the database cannot be used at the moment")
    assert time.monotonic() - started < 5
    await store.close()


async def test_raises_unavailable_when_the_database_does_not_answer(database_kind: str) -> None:
    store = SqlStore(nowhere(database_kind))
    with pytest.raises(Unavailable, match="the database does not respond"):
        await store.ready()
    await store.close()


@pytest.mark.databases("sqlite")
def test_the_thread_of_a_file_that_cannot_be_opened_has_ended_before_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    before, stop, failures = set(threading.enumerate()), aiosqlite.Connection.stop, list[object]()

    def stop_late(connection: aiosqlite.Connection) -> asyncio.Future[None] | None:
        connection._tx.put_nowait((None, lambda: time.sleep(0.2)))
        return stop(connection)

    async def ask() -> None:
        store = SqlStore(nowhere("sqlite"))
        with pytest.raises(Unavailable):
            await store.page_token_key()
        await store.close()

    monkeypatch.setattr(aiosqlite.Connection, "stop", stop_late)
    monkeypatch.setattr(threading, "excepthook", failures.append)
    asyncio.run(ask())
    for thread in set(threading.enumerate()) - before:
        thread.join(HANGING_SECONDS)
    assert not failures  # as there are when a thread has something to report to a loop that is closed


@servers_only
async def test_a_frozen_database_is_given_up_on_within_two_seconds(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    server = start_private_server(database_kind)
    store = SqlStore(
        server.url if database_kind == "postgresql" else urlunsplit(urlsplit(server.url)._replace(path="/mysql"))
    )
    await store.ready()
    server.pause()
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await store.ready()
    assert time.monotonic() - started < 2
    server.resume()
    await store.ready()
    await store.close()


@servers_only
async def test_a_server_that_accepts_and_says_nothing_is_given_up(database_kind: str) -> None:
    async def say_nothing(*_: object) -> None:
        await asyncio.Event().wait()

    async with listening(say_nothing) as port:
        store = SqlStore(f"{database_kind}://user:password@127.0.0.1:{port}/name", connect_seconds=1.0)
        with pytest.raises(Unavailable):
            async with asyncio.timeout(HANGING_SECONDS):
                await store.page_token_key()
        await store.close()
