"""The limit of an operation: its statements through the bare driver, prepared, in a process that does nothing else.

The statements and arguments are those that the server's drivers got (`statements`). What a call writes is written again with new ids
and in one transaction; a single statement is executed by itself.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from benchmarks.bench import THIS, Options, Stores
from benchmarks.costs import Row
from benchmarks.drivers import Driver, opened
from benchmarks.replays import Call, replays
from benchmarks.sides import this_side
from benchmarks.statements import recording

OPERATIONS = ("GetTask", "FindCachedTask, miss", "GetRun", "CreateArtifact")
"""Those whose statements can be executed again. A task that is written at once is written only as it was read, and under new ids."""

CALLS = 240
"""How many calls are recorded: with two values for each of 100 tasks, so that no update leaves its row as it is."""

CONNECTIONS = 16
_MICROSECONDS = 1e6


@dataclass(frozen=True, slots=True)
class _Order:
    """Replay an operation for a time."""

    operation: str
    seconds: float


def measure_limit(stores: Stores, options: Options, *, calls_recorded: int = CALLS) -> dict[str, Row]:
    """Measure the chosen operations' statements on this side's store and return their rows."""
    url = stores.urls[this_side()]
    with recording(this_side(), url, stores.stored, stores.folder) as recorder:
        for name in OPERATIONS:  # connections are opened
            recorder.of_call(name)
        calls = {
            name: [recorder.of_call(name) for _ in range(calls_recorded)] for name in OPERATIONS if options.chosen(name)
        }
        pragmas = [text for text in recorder.frames() if text.upper().startswith("PRAGMA")]
    rows: dict[str, Row] = {}
    with _process(url, {name: replays(recorded) for name, recorded in calls.items()}, pragmas) as pipe:
        for name in calls:
            rows[name] = _measure(pipe, stores, name, options)
    return rows


def _measure(pipe: Connection, stores: Stores, name: str, options: Options) -> Row:
    driver, database = list[float](), list[float]()
    for number in range(options.rounds + 1):
        before = stores.database_cpu()
        pipe.send(_Order(name, options.seconds))
        answer = pipe.recv()
        if isinstance(answer, str):
            raise SystemExit(f"{name} cannot be replayed: {answer}")
        count, cpu, statements = answer
        if number:  # the first round warms up
            driver.append(cpu / count * _MICROSECONDS)
            database.append((stores.database_cpu() - before) / count * _MICROSECONDS)
    row = {
        "driver_us": round(sorted(driver)[len(driver) // 2]),
        "database_us": round(sorted(database)[len(database) // 2]),
        "statements": statements,
    }
    print(
        f"{THIS:<12}{name + ', bare driver':<30}{row['driver_us']:>40,}{row['database_us']:>9,}{statements:>16}",
        flush=True,
    )
    return row


@contextmanager
def _process(url: str, calls: dict[str, list[Call]], pragmas: Sequence[str]) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    parent_end, child_end = context.Pipe()
    process = context.Process(target=_serve, args=(child_end, url, calls, tuple(pragmas)), daemon=True)
    process.start()
    parent_end.recv()
    yield parent_end
    parent_end.send(None)
    process.join(10)


def _serve(pipe: Connection, url: str, calls: dict[str, list[Call]], pragmas: tuple[str, ...]) -> None:
    asyncio.run(_answer(pipe, url, calls, pragmas))


async def _answer(pipe: Connection, url: str, calls: dict[str, list[Call]], pragmas: tuple[str, ...]) -> None:
    async with opened(url, CONNECTIONS, pragmas) as drivers:
        pipe.send(None)
        while (order := await asyncio.to_thread(pipe.recv)) is not None:
            try:
                pipe.send(await _replay(drivers, calls[order.operation], order.seconds))
            except Exception as error:  # noqa: BLE001 - the other process ends with it
                pipe.send(f"{type(error).__name__}: {error}")


async def _replay(drivers: Sequence[Driver], calls: list[Call], seconds: float) -> tuple[int, float, float]:
    count, statements = 0, 0
    turn = iter(range(10**9))
    started, end = time.process_time(), time.monotonic() + seconds

    async def run(driver: Driver) -> None:
        nonlocal count, statements
        while time.monotonic() < end:
            call = calls[next(turn) % len(calls)].renewed()
            await driver.execute(call)
            count += 1
            statements += len(call)

    await asyncio.gather(*(run(driver) for driver in drivers))
    return count, time.process_time() - started, round(statements / count, 1)
