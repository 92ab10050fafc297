"""GetLineage on large stores: `python -m benchmarks.lineage [sqlite] [postgresql] [mysql] [--runs 20000 200000] [--calls 60]`.

Fills a store for each number of runs, each run with 5 tasks and 5 artifacts and 10 links, and prints for each walk how many nodes
it finds in how many statements, the median time of a call over gRPC, and the CPU of the server and of the database per call, in ms.
Each call begins elsewhere in the store, so that no page of the database is there by chance alone.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.scale_store import TASKS, fill
from benchmarks.sides import Running, cpu_seconds, family, serving, this_side
from storage.sql.dialects import dialect_for
from tests.api.client import Api
from tests.databases import create_database, private_server

KINDS = ("sqlite", "postgresql", "mysql")
WIDTH, LAYERS = 25, 10
BLOCK = 1 + WIDTH * LAYERS
"""The tasks of one graph: a loader, whose artifact 25 tasks take, and behind each of these a chain of nine more tasks."""

HUB_LINKS = 100_000
"""How many tasks at most use the last artifact of the store."""

_MOMENT = 1_700_000_000_000_000
_MS = 1e3
_SEED = 14

# Tasks and artifacts are numbered by their times.
_LINK = "INSERT INTO artifact_tasks (id, artifact_id, task_id, run_id, type, {key}, iteration, producer) SELECT {id}, "
_ENDS = "artifacts.id, tasks.id, tasks.run_id, {type}, '{key}', -1, '{{}}' FROM tasks JOIN artifacts ON artifacts.created_at = "
_STATEMENTS = (
    "DELETE FROM artifact_tasks",
    _LINK.replace("{id}", "{made}") + _ENDS.format(type=9, key="model").replace("{{}}", "{}") + "tasks.created_at",
    _LINK.replace("{id}", "{taken}")
    + _ENDS.format(type=2, key="model").replace("{{}}", "{}")
    + "tasks.created_at - CASE WHEN {place} <= {width} THEN {place} ELSE {width} END WHERE {place} > 0",
    _LINK.replace("{id}", "{hub}")
    + _ENDS.format(type=3, key="hub").replace("{{}}", "{}")
    + "{last} WHERE tasks.created_at < {first} + {links}",
)


@dataclass(frozen=True, slots=True)
class Walk:
    """A walk: from an artifact of a graph, or from the hub, to one side."""

    place: int | None
    direction: str


WALKS = {
    "500 nodes, 10 hops down": Walk(0, "DOWNSTREAM"),
    "a chain of 10 hops up": Walk(BLOCK - 1, "UPSTREAM"),
    "both ways from the middle": Walk(5 * WIDTH, "BOTH"),
    f"a hub of {HUB_LINKS:,} links": Walk(None, "BOTH"),
}


def link(url: str, count: int) -> None:
    """Link the tasks and artifacts of a filled store."""
    asyncio.run(_link(url, count))


async def _link(url: str, count: int) -> None:
    dialect = dialect_for(url)

    def joined(word: str) -> str:
        return f"concat('{word} ', tasks.id)" if dialect.name == "mysql" else f"'{word} ' || tasks.id"

    words = {
        "made": joined("made"),
        "taken": joined("taken"),
        "hub": joined("hub"),
        "key": "`key`" if dialect.name == "mysql" else "key",
        "place": f"((tasks.created_at - {_MOMENT}) % {BLOCK})",
        "width": WIDTH,
        "first": _MOMENT,
        "last": _MOMENT + count * TASKS - 1,
        "links": min(HUB_LINKS, count * TASKS // 2),
    }
    engine = create_async_engine(dialect.url)
    async with engine.connect() as connection:
        for statement in _STATEMENTS:
            filled = statement.replace("'{}'", "'@'").format_map(words).replace("'@'", "'{}'")
            await connection.execute(text(filled.replace(":", r"\:")))
            await connection.commit()
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        analyze = {"mysql": "ANALYZE TABLE artifact_tasks", "sqlite": "PRAGMA optimize", "postgresql": "VACUUM ANALYZE"}
        await connection.execute(text(analyze[dialect.name]))
    await engine.dispose()


class Measuring:
    """A store, the server on it, and the process of its database, if it has one."""

    def __init__(self, url: str, running: Running, database: int | None, count: int, calls: int) -> None:
        self._url, self._running, self._database = url, running, database
        self._count, self._calls, self._random = count, calls, random.Random(_SEED)

    async def all(self) -> None:
        """Measure all walks and print a line for each."""
        print("| walk | nodes | edges | p50 ms | server ms | database ms |")
        print("|---|--:|--:|--:|--:|--:|")
        api = Api(self._running.grpc)
        for name, walk in WALKS.items():
            print(f"| {name} | {await self._figures(api, walk)} |", flush=True)
        await api.channel.close()

    async def _figures(self, api: Api, walk: Walk) -> str:
        starts = [self._start(walk) for _ in range(self._calls)]

        async def ask(start: str) -> Any:
            return await api.GetLineage(
                start=[f"artifact/{start}"], direction=walk.direction, node_limit=1_000, hops=10
            )

        for start in starts[:5]:
            answer = await ask(start)
        before, times = (self._running.cpu_seconds(), self._database_seconds()), []
        for start in starts:
            moment = time.perf_counter()
            await ask(start)
            times.append((time.perf_counter() - moment) * _MS)
        after = self._running.cpu_seconds(), self._database_seconds()
        server, database = ((end - start) / self._calls * _MS for start, end in zip(before, after, strict=True))
        sizes = f"{len(answer.nodes):,} | {len(answer.edges):,}"
        return f"{sizes} | {statistics.median(times):.1f} | {server:.1f} | {database:.1f}"

    def _start(self, walk: Walk) -> str:
        last = self._count * TASKS - 1
        number = last if walk.place is None else self._random.randrange(last // BLOCK) * BLOCK + walk.place
        return f"artifact {number:08d}"

    def _database_seconds(self) -> float:
        return 0.0 if self._database is None else sum(cpu_seconds(one) for one in family(self._database))


def main() -> None:
    """Fill the stores, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.lineage", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: postgresql")
    parser.add_argument("--runs", nargs="*", type=int, default=[20_000, 200_000], help="numbers of runs")
    parser.add_argument("--calls", type=int, default=60, help="calls of each walk")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for kind in arguments.kinds or ("postgresql",):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-lineage-")))
            server = None if kind == "sqlite" else stack.enter_context(private_server(kind))
            for count in arguments.runs:
                url = (
                    f"sqlite:///{folder}/{count}.sqlite" if server is None else create_database(kind, server=server.url)
                )
                start = time.monotonic()
                fill(url, count)
                link(url, count)
                print(
                    f"\n{kind}, {count * TASKS * 2:,} links, filled in {time.monotonic() - start:.0f} s\n", flush=True
                )
                with serving(this_side(), url, folder / "log") as running:
                    process = None if server is None else server.process_id
                    asyncio.run(Measuring(url, running, process, count, arguments.calls).all())


if __name__ == "__main__":
    main()
