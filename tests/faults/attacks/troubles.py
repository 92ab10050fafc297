"""What becomes of a database while a server uses it: frozen, cut off, held by another program, its file taken away.

Each lasts as long as its block. `TROUBLES` says which calls of the witness may fail then; whether they fail or not, they must be
answered.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from tests.databases import PrivateServer, sqlite_path
from tests.faults.attacks.witness import READ, READY, WRITE
from tests.faults.database_faults import end_sessions, writes_held_up

CUT_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Trouble:
    """What begins and ends the trouble of a private server or, on SQLite, of a file; and what may fail meanwhile."""

    begin: Callable[[str, PrivateServer | None], AbstractAsyncContextManager[object]]
    tolerates: tuple[str, ...]


@asynccontextmanager
async def frozen_database(url: str, server: PrivateServer | None) -> AsyncIterator[None]:
    """The database does nothing any more, and says nothing."""
    assert server is not None
    server.pause()
    try:
        yield
    finally:
        server.resume()


@asynccontextmanager
async def cut_connections(url: str, server: PrivateServer | None) -> AsyncIterator[None]:
    """The database ends all its sessions, again and again."""

    async def cut() -> None:
        while True:
            await asyncio.to_thread(end_sessions, url)
            await asyncio.sleep(CUT_SECONDS)

    cutting = asyncio.create_task(cut())
    try:
        yield
    finally:
        cutting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await cutting


@asynccontextmanager
async def writes_of_another_program(url: str, server: PrivateServer | None) -> AsyncIterator[None]:
    """Another program keeps a transaction open that all writes wait for."""
    async with writes_held_up(url):
        yield


@asynccontextmanager
async def file_taken_away(url: str, server: PrivateServer | None) -> AsyncIterator[None]:
    """The file of the database is moved elsewhere, and back."""
    path = sqlite_path(url)
    elsewhere = path.with_name("elsewhere.sqlite")
    path.rename(elsewhere)
    try:
        yield
    finally:
        elsewhere.rename(path)


TROUBLES = {
    "frozen_database": Trouble(frozen_database, (READ, WRITE, READY)),
    "cut_connections": Trouble(cut_connections, (READ, WRITE, READY)),
    "writes_of_another_program": Trouble(writes_of_another_program, (WRITE,)),
    "file_taken_away": Trouble(file_taken_away, (READ, WRITE, READY)),
}
