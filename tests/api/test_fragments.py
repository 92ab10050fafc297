"""Answers that are made of parts that were made before are those that are made anew, through both doors."""

from typing import Any

import pytest

from server.calls.fragments import Fragments
from tests.api.builders import a_spec, a_task, new_artifact, new_run, new_tasks
from tests.api.client import Api
from tests.rest.client import ask

VALUE = {"list_value": {"values": [{"number_value": 2.5}, {"string_value": "ü"}, {"null_value": 0}]}}
PARAMETERS = [{"parameter_key": "rate", "value": VALUE, "type": "RUNTIME_VALUE_INPUT"}]


async def new_shown_run(api: Api) -> tuple[str, list[str]]:
    """Create a run with a specification and tasks with parameters, children and artifacts."""
    run_id = await new_run(api, pipeline_spec=a_spec())
    task_ids = await new_tasks(api, run_id, 30, inputs={"parameters": PARAMETERS})
    for parent_id in task_ids[:2]:
        await api.CreateTask(run_id=run_id, task=a_task("child", parent_task_id=parent_id))
        await new_artifact(api, run_id, parent_id, uri="s3://a/b")
    return run_id, task_ids


async def answers(api: Api, run_id: str, task_id: str) -> list[Any]:
    """What the calls that show tasks answer."""
    return [
        await api.GetTask(run_id=run_id, task_id=task_id),
        await api.ListTasks(run_id=run_id, page_size=100),
        await api.ListTasks(run_id=run_id, page_size=100, task_view="BASIC"),
        await api.GetRun(run_id=run_id, view="FULL"),
        await api.GetRun(run_id=run_id, view="RUNTIME_ONLY", task_view="BASIC"),
    ]


async def bodies(rest: str, run_id: str, task_id: str) -> list[Any]:
    """What the same calls answer over REST; the order of a map's keys is free."""
    paths = ("", f"/tasks/{task_id}", "/tasks?page_size=100", "?view=FULL", "?view=RUNTIME_ONLY&task_view=BASIC")
    return [(await ask(rest, "GET", f"/apis/v2beta1/runs/{run_id}{path}")).json for path in paths]


async def test_answers_are_the_same_with_and_without_fragments(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id, [task_id, *_] = await new_shown_run(api)
    made = await answers(api, run_id, task_id)
    assert await answers(api, run_id, task_id) == made
    monkeypatch.setattr(Fragments, "are_used", False)
    assert await answers(api, run_id, task_id) == made


async def test_json_is_the_same_with_and_without_fragments(
    api: Api, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id, [task_id, *_] = await new_shown_run(api)
    made = await bodies(rest, run_id, task_id)
    assert all("train" in str(body) or "task-0" in str(body) for body in made)
    assert await bodies(rest, run_id, task_id) == made
    monkeypatch.setattr(Fragments, "are_used", False)
    assert await bodies(rest, run_id, task_id) == made


async def test_a_task_is_shown_as_it_is_after_each_change(api: Api) -> None:
    run_id, [task_id, *_] = await new_shown_run(api)
    for state in ("FAILED", "RUNNING", "SUCCEEDED"):
        await api.UpdateTask(run_id=run_id, task_id=task_id, task=a_task("task-0", state=state))
        [listed] = [each for each in (await api.ListTasks(run_id=run_id)).tasks if each.task_id == task_id]
        assert type(listed).TaskState.Name(listed.state) == state
