"""Which specification a run shows: its version's, its own once that is gone, and one made from its tasks if it has none."""

import json
from typing import Any

import pytest
from google.protobuf import json_format

from tests.api.builders import a_root, a_run, a_spec, a_task, new_artifact, new_run, new_task, unique
from tests.api.client import Api, refusal
from tests.api.statements import Statements
from tests.rest.client import ask
from tests.rest.uploads import new_version, upload_pipeline

pytestmark = pytest.mark.one_database


async def shown(api: Api, run_id: str, view: str | None = None) -> Any:
    """The specification of a run in a view, as plain JSON; None when it shows none."""
    run = await api.GetRun(run_id=run_id, view=view)
    return json_format.MessageToDict(run.pipeline_spec) if run.HasField("pipeline_spec") else None


async def a_recorded_run(api: Api) -> tuple[str, str]:
    """A run without a specification, with a root and a task below it."""
    run_id = await new_run(api)
    top = await api.CreateTask(run_id=run_id, task=a_root())
    return run_id, await new_task(api, run_id, "step", parent_task_id=top.task_id)


@pytest.mark.parametrize("view", [None, "FULL"])
async def test_a_run_without_a_specification_shows_one_made_from_its_tasks(api: Api, view: str | None) -> None:
    run_id, _ = await a_recorded_run(api)
    spec = await shown(api, run_id, view)
    assert spec["sdkVersion"] == "recorded"
    assert spec["root"]["dag"]["tasks"].keys() == {"step"}


async def test_other_views_and_lists_carry_no_made_specification(api: Api) -> None:
    run_id, _ = await a_recorded_run(api)
    for view in ("BASIC", "RUNTIME_ONLY"):
        assert await shown(api, run_id, view) is None
    for view in (None, "FULL"):
        listed = await api.ListRuns(view=view, page_size=100, sort_by="created_at desc")
        assert not next(run for run in listed.runs if run.run_id == run_id).HasField("pipeline_spec")


async def test_views_of_one_run_show_the_same_specification(api: Api) -> None:
    run_id, _ = await a_recorded_run(api)
    full = await shown(api, run_id, "FULL")
    await new_task(api, run_id, "another")
    assert await shown(api, run_id) != full
    assert await shown(api, run_id, "FULL") == await shown(api, run_id)


async def test_a_made_specification_follows_the_tasks_and_links(api: Api) -> None:
    run_id, task_id = await a_recorded_run(api)
    assert (await shown(api, run_id))["root"]["dag"]["tasks"].keys() == {"step"}
    await api.UpdateTask(run_id=run_id, task_id=task_id, task=a_task("step", display_name="renamed"))
    assert (await shown(api, run_id))["root"]["dag"]["tasks"]["step"]["taskInfo"]["name"] == "renamed"
    await new_artifact(api, run_id, task_id)
    [component] = (await shown(api, run_id))["components"].values()
    assert component["outputDefinitions"]["artifacts"]


@pytest.mark.parametrize("view", [None, "FULL"])
async def test_a_run_that_stays_as_it_is_is_drawn_once(api: Api, statements: Statements, view: str | None) -> None:
    run_id, _ = await a_recorded_run(api)
    counts = []
    for _ in range(3):
        statements.clear()
        await api.GetRun(run_id=run_id, view=view)
        counts.append(statements.count)
    assert counts == ([5, 3, 3] if view is None else [3, 3, 3])


@pytest.mark.parametrize("view", [None, "FULL"])
async def test_a_run_with_a_specification_costs_nothing_more(
    api: Api, rest: str, statements: Statements, view: str | None
) -> None:
    version = await new_version(api, rest)
    runs = [await new_run(api, pipeline_spec=a_spec()), await new_run(api, pipeline_version_reference=version)]
    for run_id in runs:
        statements.clear()
        await api.GetRun(run_id=run_id, view=view)
        assert statements.count == (1 if view is None else 3)


async def test_a_run_whose_version_is_gone_shows_its_own_copy(api: Api, rest: str) -> None:
    version = await new_version(api, rest)
    run_id = await new_run(api, pipeline_version_reference=version)
    assert await shown(api, run_id) is None
    await api.DeletePipelineVersion(**version)
    assert (await shown(api, run_id))["pipelineInfo"] == {"name": "train"}
    listed = await api.ListRuns(page_size=100, sort_by="created_at desc")
    reference = next(run for run in listed.runs if run.run_id == run_id).pipeline_version_reference
    assert reference.pipeline_version_id == version["pipeline_version_id"]
    old = (await ask(rest, "GET", f"/apis/v1beta1/runs/{run_id}")).json["run"]["pipeline_spec"]
    assert json.loads(old["pipeline_manifest"])["pipelineInfo"] == {"name": "train"}


async def test_a_made_specification_cannot_be_run_or_kept(api: Api, rest: str) -> None:
    run_id, _ = await a_recorded_run(api)
    made = await shown(api, run_id)
    refused = await refusal(api.CreateRun(run=a_run(pipeline_spec=made)))
    assert (refused.code, refused.info.reason) == ("INVALID_ARGUMENT", "INVALID_PIPELINE_SPEC")
    assert "made from the recorded tasks of a run" in refused.message
    assert (
        "made from the recorded tasks of a run"
        in (await upload_pipeline(rest, made, name=unique("p"))).json["error_message"]
    )
