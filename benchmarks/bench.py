"""Sides, served on stores of equal content on one kind of database. The benchmarks of calls, first sight and the limit run on it."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.clients import Clients, Server
from benchmarks.sides import Running, Side, family_cpu_seconds, serving
from benchmarks.stored import Size, Stored, prepare
from storage.sql.dialects import dialect_for
from tests.databases import create_database, private_server, sqlite_path

THIS, BASE = "this", "base"


@dataclass(frozen=True, slots=True)
class Options:
    """What is measured, and for how long; `only` is a part of the names of operations."""

    rounds: int = 3
    seconds: float = 2.0
    clients: tuple[int, ...] = (1, 32)
    only: str = ""

    def chosen(self, name: str) -> bool:
        """Return whether something of this name is measured."""
        return self.only in name


@dataclass(frozen=True, slots=True)
class Stores:
    """A store per side, by the side's name, with the same content under the same ids."""

    kind: str
    urls: Mapping[Side, str]
    stored: Stored
    database_cpu: Callable[[], float]
    """The CPU time (s) of the database's processes so far; 0 for SQLite, which runs in the server's."""
    folder: Path
    new_store: Callable[[], str]


@contextmanager
def stores(kind: str, sides: list[Side], size: Size, folder: Path) -> Iterator[Stores]:
    """Create the stores: the first side's is filled through its API, the others are copies, upgraded when they are served."""
    with ExitStack() as stack:
        server = None if kind == "sqlite" else stack.enter_context(private_server(kind))
        process_id = server.process_id if server else None
        numbers = iter(range(1000))

        def new_store() -> str:
            if server:
                return create_database(kind, server=server.url)
            return f"sqlite:///{folder}/{next(numbers)}.sqlite"

        first, *others = sides
        urls = {first: new_store()}
        with serving(first, urls[first], folder / f"{first.name}.prepared") as running:
            stored = asyncio.run(prepare(running.grpc, size))
        asyncio.run(_analyze(urls[first]))
        for side in others:
            if server:
                urls[side] = create_database(kind, server=server.url, template=urls[first])
            else:
                urls[side] = new_store()
                with (
                    closing(sqlite3.connect(sqlite_path(urls[first]))) as source,
                    closing(sqlite3.connect(sqlite_path(urls[side]))) as copy,
                ):
                    source.backup(copy)
        yield Stores(
            kind, urls, stored, lambda: family_cpu_seconds(process_id) if process_id else 0.0, folder, new_store
        )


async def _analyze(url: str) -> None:
    """Have the database count its rows, as one does by itself that is not as new; copies get the counts too."""
    statements = {"postgresql": "VACUUM ANALYZE", "mysql": "ANALYZE TABLE runs, tasks, artifacts, artifact_tasks"}
    if (statement := statements.get(urlsplit(url).scheme)) is None:
        return
    engine = create_async_engine(dialect_for(url).url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()


@dataclass(frozen=True, slots=True)
class Bench:
    """Running servers by the name of their side, and the clients that load them."""

    stores: Stores
    running: Mapping[str, Running]
    clients: Clients

    @property
    def database_cpu(self) -> Callable[[], float]:
        """See Stores."""
        return self.stores.database_cpu


@contextmanager
def serving_all(stores: Stores, *, workers: int = 1) -> Iterator[Bench]:
    """Serve every side until the block ends."""
    with ExitStack() as stack:
        running = {
            side.name: stack.enter_context(serving(side, url, stores.folder / side.name, workers=workers))
            for side, url in stores.urls.items()
        }
        servers = {name: Server(one.grpc, one.rest, stores.stored, workers) for name, one in running.items()}
        yield Bench(stores, running, stack.enter_context(Clients(servers)))
