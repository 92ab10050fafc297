"""A database that freezes, goes away or cuts connections costs the calls in hand at most; the server stays and recovers."""

import asyncio
import json
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from migrations.upgrade import upgrade_async
from tests.api.builders import a_parameter, new_run, new_run_and_task, with_inputs
from tests.api.client import code
from tests.databases import PrivateServer, create_database
from tests.faults.client import Client, connected
from tests.faults.cluster import Server
from tests.faults.database_faults import end_sessions, take_writes
from tests.faults.waiting import until

pytestmark = pytest.mark.databases("postgresql", "mysql")

StartServer = Callable[..., Server]
StartDatabase = Callable[..., PrivateServer]
Report = Callable[[str], None]

DEADLINE_SECONDS = 1.0
READY_SECONDS = 2.0

# On a busy machine things take longer; what does not end within this hangs.
SLACK = 5

CALLS = 12
"""More than a pool has connections."""


def get(server: Server, path: str) -> tuple[int, dict[str, object]]:
    """Status and body of a plain HTTP request."""
    try:
        with urllib.request.urlopen(f"http://{server.rest}{path}", timeout=READY_SECONDS * SLACK) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


async def status(server: Server, path: str) -> int:
    return (await asyncio.to_thread(get, server, path))[0]


async def timed(call: "asyncio.Future[str]") -> tuple[str, float]:
    begun = time.monotonic()
    return await call, time.monotonic() - begun


async def calls_with_a_deadline(api: Client, run_id: str, task_id: str) -> list[tuple[str, float]]:
    """Codes and seconds of writes and reads, all at once, whose callers wait a second."""
    change = with_inputs(a_parameter("late"))
    ids = {"run_id": run_id, "task_id": task_id}
    calls = [api.UpdateTask(**ids, task=change, timeout_seconds=DEADLINE_SECONDS) for _ in range(CALLS)]
    calls += [api.GetTask(**ids, timeout_seconds=DEADLINE_SECONDS) for _ in range(CALLS)]
    return await asyncio.gather(*(timed(asyncio.ensure_future(code(call))) for call in calls))


async def test_a_frozen_database_wedges_nothing(
    database_kind: str, start_private_server: StartDatabase, start_server: StartServer, report: Report
) -> None:
    database = start_private_server(database_kind)
    server = start_server(create_database(database_kind, server=database.url), "--upgrade")
    process = server.process_id
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        assert await status(server, "/readyz") == 200
        database.pause()
        begun = time.monotonic()
        assert await status(server, "/readyz") == 503
        unready_after = time.monotonic() - begun
        ended = await calls_with_a_deadline(api, run_id, task_id)
        assert {name for name, _ in ended} == {"DEADLINE_EXCEEDED"}
        assert max(seconds for _, seconds in ended) < DEADLINE_SECONDS * SLACK
        assert await status(server, "/readyz") == 503
        assert await status(server, "/healthz") == 200
        assert await code(api.GetHealthz()) == "OK"
        database.resume()
        resumed = time.monotonic()
        while await status(server, "/readyz") != 200:
            assert time.monotonic() - resumed < 60
        ready_after = time.monotonic() - resumed
        assert {name for name, _ in await calls_with_a_deadline(api, run_id, task_id)} == {"OK"}
    assert server.process_id == process
    longest = max(seconds for _, seconds in ended)
    report(
        f"not ready after {unready_after:.2f} s, calls with a deadline of {DEADLINE_SECONDS:.0f} s ended after "
        f"{longest:.2f} s at most, ready again after {ready_after:.2f} s"
    )


async def test_a_server_whose_database_is_frozen_still_stops(
    database_kind: str, start_private_server: StartDatabase, start_server: StartServer
) -> None:
    database = start_private_server(database_kind)
    url = create_database(database_kind, server=database.url)
    server = start_server(url, "--upgrade", "--drain-seconds", "1")
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        database.pause()
        calls = asyncio.gather(*(code(api.GetTask(run_id=run_id, task_id=task_id)) for _ in range(CALLS)))
        await asyncio.sleep(0)
        await api.GetHealthz()
        server.terminate()
        assert await asyncio.to_thread(server.wait) == 0
        assert set(await calls) == {"UNAVAILABLE"}


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_that_starts_on_a_frozen_database_gives_up_or_is_ended(
    database_kind: str, start_private_server: StartDatabase, workers: str
) -> None:
    database = start_private_server(database_kind)
    url = create_database(database_kind, server=database.url)
    await upgrade_async(url)
    database.pause()
    patient, ended = (Server(url, "--workers", workers) for _ in range(2))
    try:
        patient.launch()
        ended.launch()
        await asyncio.sleep(1.0)
        ended.terminate()
        assert await asyncio.to_thread(ended.wait) == -signal.SIGTERM
        assert await asyncio.to_thread(patient.wait) == 1
        assert f"the store {database_kind}://lineal:***@" in patient.log_text().splitlines()[-1]
    finally:
        patient.close()
        ended.close()


async def test_a_database_that_went_away_is_used_again_when_it_is_back(
    database_kind: str, start_private_server: StartDatabase, start_server: StartServer
) -> None:
    database = start_private_server(database_kind)
    server = start_server(create_database(database_kind, server=database.url), "--upgrade")
    process = server.process_id
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        ids = {"run_id": run_id, "task_id": task_id}
        for go in (database.stop, database.kill):
            await asyncio.to_thread(go)
            assert await status(server, "/readyz") == 503
            assert await code(api.GetTask(**ids, timeout_seconds=DEADLINE_SECONDS)) in (
                "UNAVAILABLE",
                "DEADLINE_EXCEEDED",
            )
            assert await code(api.GetHealthz()) == "OK"
            await asyncio.to_thread(database.start)
            assert await code(api.GetTask(**ids)) == "OK"
            assert await code(api.UpdateTask(**ids, task=with_inputs(a_parameter("back")))) == "OK"
            assert await status(server, "/readyz") == 200
    assert server.process_id == process


@pytest.mark.databases("postgresql")
async def test_a_server_whose_database_is_read_only_is_not_ready_and_its_writes_wait(
    database_kind: str, start_private_server: StartDatabase, start_server: StartServer
) -> None:
    database = start_private_server(database_kind)
    server = start_server(create_database(database_kind, server=database.url), "--upgrade")
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        ids = {"run_id": run_id, "task_id": task_id}
        take_writes(database, False)
        begun = time.monotonic()
        while await status(server, "/readyz") == 200:
            assert time.monotonic() - begun < 60
        answer = await asyncio.to_thread(get, server, "/readyz")
        assert answer == (503, {"ready": False, "reason": "the database is read-only"})
        assert await code(api.GetTask(**ids)) == "OK"
        change = with_inputs(a_parameter("late"))
        assert await code(api.UpdateTask(**ids, task=change, timeout_seconds=DEADLINE_SECONDS)) != "OK"
        writing = asyncio.ensure_future(code(api.UpdateTask(**ids, task=change)))
        await asyncio.sleep(DEADLINE_SECONDS)
        assert not writing.done()
        take_writes(database, True)
        assert await writing == "OK"
        assert await status(server, "/readyz") == 200


async def test_a_session_that_the_database_ended_costs_no_call(migrated_url: str, start_server: StartServer) -> None:
    server = start_server(migrated_url)
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        ids = {"run_id": run_id, "task_id": task_id}
        for number in range(3):
            # Several connections, for reading and for writing, so that more than one is found to be dead.
            writes = [api.UpdateTask(**ids, task=with_inputs(a_parameter(f"p{number}-{n}"))) for n in range(CALLS)]
            reads = [api.GetTask(**ids) for _ in range(CALLS)]
            assert {await call for call in [code(each) for each in writes + reads]} == {"OK"}
            assert end_sessions(migrated_url)
            assert await code(api.GetTask(**ids)) == "OK"
            assert end_sessions(migrated_url)
            assert await code(new_run(api)) == "OK"


async def test_sessions_ended_under_load_cost_no_call_but_those_in_commit(
    migrated_url: str, start_server: StartServer
) -> None:
    server = start_server(migrated_url)
    ended: list[str] = []
    async with connected(server.grpc) as api:
        run_id, task_id = await new_run_and_task(api)
        stopped = asyncio.Event()

        async def write(writer: int) -> None:
            while not stopped.is_set():
                change = with_inputs(a_parameter(f"writer-{writer}"))
                ended.append(await code(api.UpdateTask(run_id=run_id, task_id=task_id, task=change)))

        writers = [asyncio.create_task(write(number)) for number in range(CALLS)]
        for _ in range(5):
            count = len(ended)
            await until(lambda count=count: len(ended) > count + CALLS)
            await asyncio.to_thread(end_sessions, migrated_url)
        stopped.set()
        await asyncio.gather(*writers)
        assert set(ended) <= {"OK", "UNAVAILABLE"}
        assert await code(api.GetTask(run_id=run_id, task_id=task_id)) == "OK"
    refused = [line for line in server.calls("UpdateTask") if line["code"] != "OK"]
    assert {line["reason"] for line in refused} <= {"OUTCOME_UNKNOWN"}
