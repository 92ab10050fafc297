"""The log: JSON lines on standard error, one a call, and nothing in them that others must not know."""

import re
from urllib.parse import urlsplit

import pytest

from tests.api.builders import a_parameter, a_task, an_artifact, new_run_and_task, with_inputs
from tests.api.client import code
from tests.faults.client import Client, connected
from tests.faults.cluster import Server, serving
from tests.faults.database_faults import end_sessions

SECRET = "canary-7c1e"


async def calls_of_every_kind(api: Client) -> None:
    """One that succeeds, ones that are refused, one without a handler; with secrets wherever a caller may put some."""
    run_id, task_id = await new_run_and_task(api)
    change = with_inputs(a_parameter("token", SECRET))
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=change)
    artifact = an_artifact(metadata={"token": {"string_value": SECRET}})
    await api.CreateArtifact(run_id=run_id, task_id=task_id, producer_key="out", artifact=artifact)
    assert await code(api.GetTask(run_id=run_id, task_id="no-such-task")) == "NOT_FOUND"
    assert await code(api.CreateTask(run_id=run_id, task=a_task("x" * 129))) == "INVALID_ARGUMENT"
    assert await code(api.send("GetRun", b"\xff")) == "INVALID_ARGUMENT"
    authorised = api.channel.unary_unary("/kubeflow.pipelines.backend.api.v2beta1.HealthzService/GetHealthz")
    await authorised(b"", metadata=(("authorization", f"Bearer {SECRET}"),))


def password_of(url: str) -> str:
    return urlsplit(url).password or SECRET


async def test_each_call_is_one_line(migrated_url: str) -> None:
    with serving(migrated_url) as server:
        async with connected(server.grpc) as api:
            await calls_of_every_kind(api)
        lines = [line for line in server.log_lines() if line["event"] == "call"]
        process = server.process_id
    ended = [(line["method"], line["code"]) for line in lines]
    assert ended == [
        ("RunService.CreateRun", "OK"),
        ("RunService.CreateTask", "OK"),
        ("RunService.UpdateTask", "OK"),
        ("ArtifactService.CreateArtifact", "OK"),
        ("RunService.GetTask", "NOT_FOUND"),
        ("RunService.CreateTask", "INVALID_ARGUMENT"),
        ("RunService.GetRun", "INVALID_ARGUMENT"),
        ("HealthzService.GetHealthz", "OK"),
    ]
    for line in lines:
        assert line["ms"] >= 0.0
        assert (line["door"], line["level"], line["pid"]) == ("grpc", "info", process)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["timestamp"])
        assert ("reason" in line) == ("message" in line) == (line["code"] != "OK")


async def test_start_and_stop_are_events(migrated_url: str) -> None:
    with serving(migrated_url) as server:
        server.terminate()
        assert server.wait() == 0
        events = server.log_lines()
    assert [line["event"] for line in events] == ["serving", "draining", "stopped"]
    assert (events[0]["grpc"], events[0]["rest"]) == (server.grpc, server.rest)


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("level", ["warning", "error"])
async def test_a_higher_level_silences_calls(migrated_url: str, level: str) -> None:
    with serving(migrated_url, "--log-level", level) as server:
        async with connected(server.grpc) as api:
            await calls_of_every_kind(api)
        assert server.log_text() == ""


@pytest.mark.databases("postgresql")
async def test_a_setting_that_does_nothing_is_named_once(migrated_url: str) -> None:
    for options, expected in (((), []), (("--pool-timeout-seconds", "30", "--workers", "2"), ["pool_timeout_seconds"])):
        with serving(migrated_url, *options) as server:
            warnings = [line for line in server.log_lines() if line["level"] == "warning"]
        assert [(line["event"], line["setting"]) for line in warnings] == [
            ("setting ignored", each) for each in expected
        ]


@pytest.mark.databases("sqlite")
async def test_text_is_for_people(migrated_url: str) -> None:
    with serving(migrated_url, "--log-format", "text") as server:
        async with connected(server.grpc) as api:
            await api.GetHealthz()
        [line] = [line for line in server.log_text().splitlines() if " call " in line]
    assert "method=HealthzService.GetHealthz" in line
    assert "code=OK" in line


def everything_said(server: Server) -> str:
    return server.log_text() + (server.folder / "output").read_text()


async def test_no_secret_is_logged_or_printed(migrated_url: str) -> None:
    with serving(migrated_url, "--log-level", "debug") as server:
        async with connected(server.grpc) as api:
            await calls_of_every_kind(api)
        said = everything_said(server)
    assert SECRET not in said
    assert password_of(migrated_url) not in said


@pytest.mark.databases("postgresql", "mysql")
async def test_a_failing_database_makes_no_line_that_is_not_json_and_tells_no_password(migrated_url: str) -> None:
    with serving(migrated_url, "--log-level", "debug") as server:
        async with connected(server.grpc) as api:
            run_id, task_id = await new_run_and_task(api)
            for _ in range(3):
                end_sessions(migrated_url)
                await code(api.GetTask(run_id=run_id, task_id=task_id))
        assert {line["level"] for line in server.log_lines()} <= {"info", "warning"}
        assert password_of(migrated_url) not in everything_said(server)
