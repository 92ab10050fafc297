"""Tasks that are written with one statement are those that a transaction writes."""

import re
from typing import Any

import pytest

from storage.sql.store import SqlStore
from tests.api.builders import Task, a_parameter, a_task, new_artifact, new_run
from tests.api.client import Api, code
from tests.api.statements import watched

_OF_CALL = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|seconds: \d+|nanos: \d+")
"""What differs from one call to the next: ids and times."""


async def answers(api: Api) -> list[Any]:
    """Create and update tasks in many ways, and return what was answered and what is there afterwards."""
    run_id, other_id = await new_run(api), await new_run(api)
    made: list[Any] = []

    async def create(run_id: str = run_id, **fields: Any) -> Any:
        made.append(await code(api.CreateTask(run_id=run_id, task=a_task(**fields))))
        if made[-1] == "OK":
            made.append(await api.CreateTask(run_id=run_id, task=a_task(**fields)))
        return made[-1]

    async def update(task_id: str, run_id: str = run_id, view: str = "FULL", **fields: Any) -> None:
        call = {"run_id": run_id, "task_id": task_id, "task_view": view, "task": Task(**fields)}
        made.append(await code(api.UpdateTask(**call)))
        if made[-1] == "OK":
            made.append(await api.UpdateTask(**call))

    root = await create(name="root", type="ROOT", state="RUNNING")
    task = await create(
        name="train", parent_task_id=root.task_id, inputs={"parameters": [a_parameter()]}, state="RUNNING"
    )
    await create(name="train", scope_path="root.train", type="RUNTIME")
    await create(name="lost", parent_task_id="nowhere")
    await create(other_id, name="foreign", parent_task_id=root.task_id)
    await create("nowhere", name="lost")
    await new_artifact(api, run_id, task.task_id, uri="s3://a/b")
    await create(name="child", parent_task_id=task.task_id)
    for view in ("FULL", "BASIC"):
        await update(task.task_id, view=view, outputs={"parameters": [a_parameter("out")]}, state="SUCCEEDED")
    await update(task.task_id, parent_task_id="")
    await update(task.task_id, run_id=other_id, state="FAILED")
    await update("nowhere", state="FAILED")
    await update(root.task_id, state="SUCCEEDED")
    await api.TerminateRun(run_id=other_id)
    canceled = await create(other_id, name="late", state="RUNNING")
    await update(canceled.task_id, run_id=other_id, state="SUCCEEDED")
    return [*made, await api.GetRun(run_id=run_id, view="FULL"), await api.GetRun(run_id=other_id, view="FULL")]


async def test_answers_are_the_same_with_and_without_writes_at_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = await answers(api)
    monkeypatch.setattr(SqlStore, "writes_at_once", property(lambda _: False))
    in_transactions = await answers(api)
    assert list(map(_plain, at_once)) == list(map(_plain, in_transactions))
    assert {"OK", "NOT_FOUND", "INVALID_ARGUMENT"} <= {each for each in at_once if isinstance(each, str)}


def _plain(answer: Any) -> str:
    ids: dict[str, str] = {}

    def plain(match: re.Match[str]) -> str:
        return ids.setdefault(match[0], f"id {len(ids)}") if "-" in match[0] else "time"

    return _OF_CALL.sub(plain, str(answer))


@pytest.mark.databases("postgresql", "mysql")
async def test_a_task_is_written_with_one_statement(api: Api, shared_url: str) -> None:
    run_id = await new_run(api)
    root = await api.CreateTask(run_id=run_id, task=a_task("root"))
    with watched(shared_url) as sql:
        task = await api.CreateTask(run_id=run_id, task=a_task("train", parent_task_id=root.task_id))
        assert sql.count == 1
        sql.clear()
        await api.UpdateTask(run_id=run_id, task_id=task.task_id, task=Task(state="SUCCEEDED"))
        assert sql.count == 2, "one that reads, and one that writes"
