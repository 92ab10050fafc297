"""Lists of large stores: `python -m benchmarks.scale [sqlite] [postgresql] [mysql] [--runs 20000 200000]`.

Fills a store for each number of runs, each run with 5 tasks and 5 artifacts, and prints for each list what its page costs without
its total: the time of the statement in the database, and the CPU of the server and of the database per call over gRPC, in ms, for
page 1 and page 1,000 of 20 rows, or the last; and the time of the exact count, in all (ms) and for a counted row (µs).
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.scale_store import fill
from benchmarks.sides import Running, cpu_seconds, family, serving, this_side
from storage.contract import Listing, Page, ReadTx
from storage.fields import ARTIFACT_LIST, RUN_LIST, TASK_LIST, Listable
from storage.filters import parse_filter, parse_order
from storage.sql.store import SqlStore
from tests.api.client import Api
from tests.contract.watching import Statement, statements
from tests.databases import create_database, private_server

KINDS = ("sqlite", "postgresql", "mysql")
PAGE_SIZE, PAGE, LARGEST_PAGE, REPEATS = 20, 1000, 200, 20
_MS = 1e3


@dataclass(frozen=True, slots=True)
class List:
    """A list: its rows in the store, its RPC, and what it is limited by."""

    ask: Callable[[ReadTx, Listing], Awaitable[Page[Any]]]
    method: str = "ListRuns"
    listable: Listable = RUN_LIST
    scope: tuple[tuple[str, str], ...] = ()
    filter: str = ""
    order: str = "created_at desc"

    def request(self, **more: Any) -> dict[str, Any]:
        """Return the fields of the RPC's request."""
        key = "order_by" if self.method == "ListTasks" else "sort_by"
        return {**dict(self.scope), key: self.order, "filter": self.filter, "skip_total_size": True, **more}

    def listing(self) -> Listing:
        """Return what the store is asked for page 1."""
        fields = self.listable.fields
        order = parse_order(self.order, fields, self.listable.default_order)
        return Listing(order, PAGE_SIZE, parse_filter(self.filter, fields) if self.filter else ())


def _runs(tx: ReadTx, page: Listing, experiment_id: str | None = None) -> Awaitable[Page[Any]]:
    return tx.runs.list(page, experiment_id=experiment_id, namespace=None, with_spec=True)


def _where(key: str, *values: str) -> str:
    predicate = {"key": key, "operation": "IN", "string_values": {"values": values}}
    return json.dumps({"predicates": [predicate]})


_EXPERIMENT, _RUN = "experiment 3", "run 00000003"
_OF_EXPERIMENT = List(lambda tx, page: _runs(tx, page, _EXPERIMENT), scope=(("experiment_id", _EXPERIMENT),))

LISTS: dict[str, List] = {
    "runs": List(_runs),
    "runs, available": List(_runs, filter=_where("storage_state", "AVAILABLE")),
    "runs, archived": List(_runs, filter=_where("storage_state", "ARCHIVED")),
    "runs, failed": List(_runs, filter=_where("state", "FAILED")),
    "runs, unfinished": List(_runs, filter=_where("state", "PENDING", "RUNNING", "CANCELING", "PAUSED")),
    "runs of a pipeline": List(_runs, filter=_where("pipeline_id", "pipeline 3")),
    "runs of a version": List(_runs, filter=_where("pipeline_version_id", "version 3")),
    "runs of a recurring run": List(_runs, filter=_where("recurring_run_id", "recurring 3")),
    "runs of an experiment": _OF_EXPERIMENT,
    "… available": replace(_OF_EXPERIMENT, filter=_where("storage_state", "AVAILABLE")),
    "runs by name": List(_runs, order="name asc"),
    "artifacts": List(lambda tx, page: tx.artifacts.list(page, namespace=None), "ListArtifacts", ARTIFACT_LIST),
    "tasks of a run": List(
        lambda tx, page: tx.tasks.list(page, run_id=_RUN, parent_task_id=None),
        "ListTasks",
        TASK_LIST,
        (("run_id", _RUN),),
        order="create_time desc",
    ),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page costs in ms: its statement in the database, and CPU of the server and of the database per call."""

    statement: float
    server: float
    database: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one list: its first page, its page 1,000 or last, its count in ms, and how many rows were counted."""

    first: Cost
    later: Cost
    count: float
    rows: int


class Measuring:
    """A store, the server on it, and the process of its database, if it has one."""

    def __init__(self, url: str, running: Running, database: int | None) -> None:
        self._url, self._running, self._database = url, running, database

    async def all(self) -> dict[str, Figures]:
        """Measure all lists."""
        store, api = SqlStore(self._url, pool_size=1), Api(self._running.grpc)
        found = {name: await self._figures(store, api, each) for name, each in LISTS.items()}
        await api.channel.close()
        await store.close()
        return found

    async def _figures(self, store: SqlStore, api: Api, each: List) -> Figures:
        first = each.listing()
        with statements(store) as log:
            page = await store.read(lambda tx: each.ask(tx, first))
        token, cursor = await _later(store, api, each)
        with statements(store) as later_log:
            await store.read(lambda tx: each.ask(tx, replace(first, after=cursor, with_total=False)))
        return Figures(
            Cost(await _statement_ms(store, log[0]), *await self._call_ms(api, each, "")),
            Cost(await _statement_ms(store, later_log[0]), *await self._call_ms(api, each, token)),
            await _statement_ms(store, log[1]),
            page.total_size,
        )

    async def _call_ms(self, api: Api, each: List, token: str) -> tuple[float, float]:
        async def ask() -> None:
            await getattr(api, each.method)(**each.request(page_size=PAGE_SIZE, page_token=token))

        await ask()
        before = self._running.cpu_seconds(), self._database_seconds()
        for _ in range(REPEATS):
            await ask()
        after = self._running.cpu_seconds(), self._database_seconds()
        server, database = ((end - start) / REPEATS * _MS for start, end in zip(before, after, strict=True))
        return server, database

    def _database_seconds(self) -> float:
        return 0.0 if self._database is None else sum(cpu_seconds(one) for one in family(self._database))


async def _later(store: SqlStore, api: Api, each: List) -> tuple[str, Any]:
    """Return the token and the cursor of page 1,000, or of the last page that another one comes before."""
    token, listing = "", replace(each.listing(), page_size=LARGEST_PAGE, with_total=False)
    for _ in range(PAGE * PAGE_SIZE // LARGEST_PAGE):
        answer = await getattr(api, each.method)(**each.request(page_size=LARGEST_PAGE, page_token=token))
        if not answer.next_page_token:
            break
        page = await store.read(lambda tx, listing=listing: each.ask(tx, listing))  # type: ignore[misc]
        token, listing = answer.next_page_token, replace(listing, after=page.next)
    return token, listing.after


async def _statement_ms(store: SqlStore, statement: Statement) -> float:
    times = []
    async with store.engines[1].connect() as connection:
        for _ in range(REPEATS):
            start = time.perf_counter()
            (await connection.exec_driver_sql(statement.text, statement.parameters)).all()
            times.append((time.perf_counter() - start) * _MS)
    return statistics.median(times)


def _print(found: dict[str, Figures]) -> None:
    print(
        "| list | page 1: statement | server | database | page 1,000: statement | server | database | count | per row |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for name, each in found.items():
        costs = " | ".join(
            f"{one.statement:.2f} | {one.server:.2f} | {one.database:.2f}" for one in (each.first, each.later)
        )
        print(f"| {name} ({each.rows:,}) | {costs} | {each.count:.2f} | {each.count / max(each.rows, 1) * 1e3:.2f} |")


def main() -> None:
    """Fill the stores, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: sqlite postgresql")
    parser.add_argument("--runs", nargs="*", type=int, default=[20_000, 200_000], help="numbers of runs")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for kind in arguments.kinds or KINDS[:2]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-scale-")))
            server = None if kind == "sqlite" else stack.enter_context(private_server(kind))
            for count in arguments.runs:
                url = (
                    f"sqlite:///{folder}/{count}.sqlite" if server is None else create_database(kind, server=server.url)
                )
                start = time.monotonic()
                fill(url, count)
                print(f"\n{kind}, {count:,} runs, filled in {time.monotonic() - start:.0f} s\n", flush=True)
                with serving(this_side(), url, folder / "log") as running:
                    measuring = Measuring(url, running, None if server is None else server.process_id)
                    _print(asyncio.run(measuring.all()))


if __name__ == "__main__":
    main()
