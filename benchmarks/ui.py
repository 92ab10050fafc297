"""What pages of the web UI cost: `python -m benchmarks.ui [sqlite] [postgresql] [mysql] [--runs 20000 200000] [--calls 40]`.

Fills a store for each number of runs, each run with 5 tasks, 5 artifacts and 10 links, and adds runs of 500 and 5,000 tasks. Prints
for each page its size, the median time of a request, and the CPU of the server and of the database per request in ms, beside what
the server may take.
"""

import argparse
import asyncio
import gzip
import http.client
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from benchmarks.lineage import BLOCK, WIDTH, link
from benchmarks.scale_store import TASKS, fill
from benchmarks.sides import Running, cpu_seconds, family, serving, this_side
from storage.sql.store import SqlStore
from tests.databases import create_database, private_server
from tests.pages.exhibition import run_with_a_loop

KINDS = ("sqlite", "postgresql", "mysql")
LIST_MS, RUN_MS = 25.0, 60.0
"""What a list, and a run of 500 tasks, may take of the server's CPU."""

WARM = 3
_MS = 1e3


@dataclass(frozen=True, slots=True)
class Pages:
    """A page: its addresses, one per request, and what it may take of the server's CPU in ms, None for what has no limit."""

    addresses: list[str]
    may_ms: float | None = None


def pages(count: int, calls: int, large: dict[str, str]) -> dict[str, Pages]:
    """Return the pages that are measured, by what they show; artifacts are others in each request."""
    last = count * TASKS - 1
    step = max(last // BLOCK // (calls + WARM), 1)

    def artifacts(place: int, ending: str = "") -> Iterator[str]:
        for number in range(calls + WARM):
            name = f"artifact {(number * step * BLOCK + place) % last:08d}"
            yield f"/artifacts/{quote(name)}{ending}"

    def same(address: str) -> list[str]:
        return [address] * (calls + WARM)

    hub = quote(f"artifact {last:08d}")
    return {
        "home": Pages(same("/"), LIST_MS),
        "runs": Pages(same("/runs"), LIST_MS),
        "runs that failed": Pages(same("/runs?state=FAILED"), LIST_MS),
        "artifacts": Pages(same("/artifacts"), LIST_MS),
        "search, found among the newest": Pages(same("/search?q=model"), LIST_MS),
        # All artifacts are newer than the runs: as much is looked through as one call may.
        "search, 20,000 rows looked through": Pages(same("/search?q=name")),
        "about": Pages(same("/about"), LIST_MS),
        "a run of 5 tasks": Pages([f"/runs/{quote(f'run {n:08d}')}" for n in range(calls + WARM)], RUN_MS),
        "a run of 500 tasks": Pages(same(f"/runs/{large['500']}"), RUN_MS),
        "a run of 5,000 tasks": Pages(same(f"/runs/{large['5,000']}")),
        "an artifact, 25 readers": Pages(list(artifacts(0)), RUN_MS),
        "an artifact in the middle": Pages(list(artifacts(5 * WIDTH)), RUN_MS),
        "an artifact of 100,000 links": Pages(same(f"/artifacts/{hub}"), RUN_MS),
        "what is affected, 250 nodes": Pages(list(artifacts(0, "/affected"))),
    }


async def add_large_runs(url: str) -> dict[str, str]:
    """Add runs of 500 and 5,000 tasks to a store, and return their ids."""
    store, ids = SqlStore(url), {}
    for name, iterations, steps in (("500", 400, 98), ("5,000", 4_000, 998)):
        world = run_with_a_loop(name, iterations=iterations, steps=steps)
        await world.keep(store)
        ids[name] = world.runs[name].id
    await store.close()
    return ids


class Measuring:
    """A server on a store, and the process of its database, if it has one."""

    def __init__(self, running: Running, database: int | None) -> None:
        self._running, self._database = running, database

    def all(self, shown: dict[str, Pages]) -> None:
        """Measure pages and print a line for each."""
        print("| page | KiB | KiB gzipped | p50 ms | server ms | may | database ms |")
        print("|---|--:|--:|--:|--:|--:|--:|")
        for name, page in shown.items():
            print(f"| {name} | {self._figures(page)} |", flush=True)

    def _figures(self, page: Pages) -> str:
        host, _, port = self._running.rest.rpartition(":")
        with closing(http.client.HTTPConnection(host, int(port), timeout=60)) as connection:
            for address in page.addresses[:WARM]:
                body = self._get(connection, address)
            before, times = (self._server_seconds(), self._database_seconds()), []
            for address in page.addresses[WARM:]:
                moment = time.perf_counter()
                self._get(connection, address)
                times.append((time.perf_counter() - moment) * _MS)
            after = self._server_seconds(), self._database_seconds()
        server, database = ((end - start) / len(times) * _MS for start, end in zip(before, after, strict=True))
        sizes = f"{len(body) / 1024:.0f} | {len(gzip.compress(body)) / 1024:.0f}"
        may = "" if page.may_ms is None else f"{page.may_ms:.0f}"
        return f"{sizes} | {statistics.median(times):.1f} | {server:.1f} | {may} | {database:.1f}"

    @staticmethod
    def _get(connection: http.client.HTTPConnection, address: str) -> bytes:
        connection.request("GET", address, headers={"Accept": "text/html", "Accept-Encoding": "identity"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{address}: {answer.status} {body[-300:].decode(errors='replace')}")
        return body

    def _server_seconds(self) -> float:
        """Return the time of the server and of its helper processes, which read large runs."""
        return sum(cpu_seconds(one) for one in family(self._running.process_id))

    def _database_seconds(self) -> float:
        return 0.0 if self._database is None else sum(cpu_seconds(one) for one in family(self._database))


def main() -> None:
    """Fill the stores, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ui", description=__doc__)
    parser.add_argument("kinds", nargs="*", help=f"databases: {', '.join(KINDS)}; default: sqlite")
    parser.add_argument("--runs", nargs="*", type=int, default=[20_000, 200_000], help="numbers of runs")
    parser.add_argument("--calls", type=int, default=40, help="requests for each page")
    arguments = parser.parse_args()
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"unknown database {', '.join(sorted(unknown))}")
    for kind in arguments.kinds or ("sqlite",):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lineal-ui-")))
            server = None if kind == "sqlite" else stack.enter_context(private_server(kind))
            for count in arguments.runs:
                url = f"sqlite:///{folder}/{count}.sqlite"
                if server is not None:
                    url = create_database(kind, server=server.url)
                start = time.monotonic()
                fill(url, count)
                link(url, count)
                large = asyncio.run(add_large_runs(url))
                print(f"\n{kind}, {count * TASKS:,} tasks, filled in {time.monotonic() - start:.0f} s\n", flush=True)
                with serving(this_side(), url, folder / "log") as running:
                    process = None if server is None else server.process_id
                    Measuring(running, process).all(pages(count, arguments.calls, large))


if __name__ == "__main__":
    main()
