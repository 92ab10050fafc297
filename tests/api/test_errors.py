"""What a failed call returns: a code, a message and ErrorInfo, but no internals."""

from collections.abc import Awaitable
from typing import Any

import pytest
from lineal.v2beta1 import experiment_pb2
from sqlalchemy import text

from storage.sql.store import SqlStore
from tests.api.builders import (
    a_link,
    a_run,
    a_spec,
    a_task,
    an_artifact,
    new_run,
    new_run_and_task,
    new_task,
    unique,
)
from tests.api.client import Api, Refusal, refusal
from tests.api.conftest import Serve
from tests.api.statements import failing_at
from tests.logged import logged_lines

pytestmark = pytest.mark.one_database

SECRETS = (
    "select",
    "insert",
    "update ",
    "sqlalchemy",
    "sqlite",
    "asyncpg",
    "mysql",
    "mariadb",
    "postgres",
    "traceback",
)


def assert_says_nothing_inner(refused: Refusal) -> None:
    """Neither SQL nor a driver's words nor a stack may reach a caller."""
    told = refused.message.lower() + repr(refused.details).lower()
    assert not [secret for secret in SECRETS if secret in told]


async def archived_run(api: Api) -> str:
    """A run of an archived experiment."""
    experiment = experiment_pb2.Experiment(display_name=unique("experiment"))
    made = await api.CreateExperiment(experiment=experiment)
    run_id = await new_run(api, experiment_id=made.experiment_id)
    await api.ArchiveExperiment(experiment_id=made.experiment_id)
    return run_id


async def failing_calls(api: Api) -> list[tuple[Any, str, str]]:
    """Calls with the code and the reason each is refused with."""
    run_id, task_id = await new_run_and_task(api)
    return [
        (api.CreateRun(run=a_run("")), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (api.CreateTask(run_id=run_id, task=a_task(state=99)), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (api.ListTasks(run_id=run_id, filter="{"), "INVALID_ARGUMENT", "INVALID_FILTER"),
        (api.ListTasks(run_id=run_id, order_by="x"), "INVALID_ARGUMENT", "INVALID_SORT"),
        (api.ListTasks(run_id=run_id, page_token="x"), "INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"),
        (api.GetRun(run_id="no-such-run"), "NOT_FOUND", "NOT_FOUND"),
        (api.GetTask(run_id=run_id, task_id="no-such-task"), "NOT_FOUND", "NOT_FOUND"),
        (api.UpdateTask(run_id="no-such-run", task_id=task_id, task={}), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
        (api.CreateRun(run=a_run(run_id=run_id)), "ALREADY_EXISTS", "ALREADY_EXISTS"),
        (api.RetryRun(run_id=run_id), "ABORTED", "ABORTED"),
        (api.UnarchiveRun(run_id=await archived_run(api)), "FAILED_PRECONDITION", "FAILED_PRECONDITION"),
        (api.send("GetRun", b"\xff\xff"), "INVALID_ARGUMENT", "INVALID_ARGUMENT"),
    ]


async def test_every_refusal_carries_error_info_and_a_sentence(api: Api) -> None:
    for call, expected_code, reason in await failing_calls(api):
        refused = await refusal(call)
        assert (refused.code, refused.info.reason, refused.info.domain) == (expected_code, reason, "lineal")
        assert refused.message
        assert_says_nothing_inner(refused)


async def test_a_refusal_names_what_was_not_found(api: Api) -> None:
    refused = await refusal(api.GetRun(run_id="no-such-run"))
    assert refused.message == "run 'no-such-run' not found"


def calls_naming(api: Api, run_id: str, task_id: str, huge: str) -> list[Awaitable[Any]]:
    """Calls that are refused for what one of their texts is."""
    return [
        api.GetRun(run_id=huge),
        api.GetTask(run_id=run_id, task_id=huge),
        api.GetTask(run_id=huge, task_id=task_id),
        api.CreateTask(run_id=run_id, task=a_task(parent_task_id=huge)),
        api.UpdateTask(run_id=huge, task_id=task_id, task={}),
        api.UpdateTask(run_id=run_id, task_id=task_id, task={"parent_task_id": huge}),
        api.UpdateTasksBulk(run_id=huge, tasks={task_id: {}}),
        api.ListTasks(run_id=run_id, parent_id=huge),
        api.ListTasks(run_id=run_id, order_by=huge),
        api.ListTasks(run_id=run_id, filter=huge),
        api.ListRuns(experiment_id=huge),
        api.ListArtifactTasks(task_ids=[huge]),
        api.CreateArtifact(run_id=huge, task_id=task_id, producer_key="k", artifact=an_artifact()),
        api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, huge)),
        api.CreateArtifactTask(artifact_task=a_link(huge, task_id, "x")),
        api.CreateRun(run=a_run(parameters={huge: 1}, pipeline_spec=a_spec())),
    ]


async def test_a_refusal_repeats_no_more_of_a_long_text_than_an_id_can_have(api: Api) -> None:
    run_id, task_id = await new_run_and_task(api)
    for call in calls_naming(api, run_id, task_id, "x" * 100_000):
        refused = await refusal(call)
        assert len(refused.message) < 500
        assert len(refused.details) < 1500


async def test_an_unexpected_failure_is_answered_with_an_id_that_the_log_explains(
    serve: Serve, migrated_url: str
) -> None:
    api = await serve()
    run_id, task_id = await new_run_and_task(api)
    store = SqlStore(migrated_url)
    async with store.engines[0].begin() as connection:
        await connection.execute(text("DROP TABLE artifact_tasks"))
    await store.close()
    with logged_lines() as lines:
        refused = await refusal(api.GetTask(run_id=run_id, task_id=task_id))
    error_id = refused.info.metadata["error_id"]
    assert (refused.code, refused.message) == ("INTERNAL", f"internal error {error_id}")
    assert_says_nothing_inner(refused)
    [line] = [line for line in lines if line.get("error_id") == error_id]
    assert (line["level"], line["method"]) == ("error", "RunService.GetTask")
    assert "artifact_tasks" in str(line["exc_info"])


async def test_each_unexpected_failure_has_an_id_of_its_own(serve: Serve, migrated_url: str) -> None:
    api = await serve()
    run_id = await new_run(api)
    told = []
    for _ in range(2):
        with failing_at(migrated_url, 1):
            told.append((await refusal(new_task(api, run_id))).message)
    assert len(set(told)) == 2


@pytest.mark.parametrize("status", ["OK", "NOT_FOUND"])
async def test_every_call_leaves_one_line_in_the_log(api: Api, status: str) -> None:
    run_id = await new_run(api) if status == "OK" else "no-such-run"
    with logged_lines() as lines:
        await (refusal(api.GetRun(run_id=run_id)) if status != "OK" else api.GetRun(run_id=run_id))
    [line] = [line for line in lines if line["event"] == "call"]
    assert (line["method"], line["door"], line["code"]) == ("RunService.GetRun", "grpc", status)
    assert line["ms"] >= 0


@pytest.mark.parametrize("letter", ["x", "é", "\U0001f600", "\x7f"])
async def test_an_error_that_repeats_a_long_text_is_still_the_error(api: Api, letter: str) -> None:
    for refused in (
        await refusal(api.GetPipelineByName(name=letter * 70_000)),
        await refusal(api.GetRun(run_id=letter * 70_000)),
        await refusal(api.CreateTask(run_id="r", task=a_task(run_id=letter * 70_000))),
    ):
        assert refused.code in ("NOT_FOUND", "INVALID_ARGUMENT")
        assert refused.info.domain == "lineal"
