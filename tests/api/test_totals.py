"""Lists without their total, which is counted over the whole list; runs by pipeline and version."""

import pytest

from tests.api.builders import new_artifact, new_run, new_run_and_task, unique, where
from tests.api.client import Api
from tests.api.statements import Statements
from tests.rest.client import ask
from tests.rest.uploads import new_version

pytestmark = pytest.mark.one_database

LISTS = ["Runs", "Tasks", "Artifacts", "ArtifactTasks", "Experiments", "Pipelines", "PipelineVersions"]


@pytest.mark.parametrize("name", LISTS)
async def test_a_list_is_not_counted_when_its_total_is_not_wanted(
    api: Api, rest: str, statements: Statements, name: str
) -> None:
    run_id, task_id = await new_run_and_task(api)
    await new_artifact(api, run_id, task_id)
    version = await new_version(api, rest)
    scope = {
        "Tasks": {"run_id": run_id},
        "Artifacts": {"filter": where("name", "EQUALS", string_value="model"), "page_size": 1},
        "ArtifactTasks": {"run_ids": [run_id]},
        "PipelineVersions": {"pipeline_id": version["pipeline_id"]},
    }.get(name, {"page_size": 1})
    counted = await getattr(api, f"List{name}")(**scope)
    statements.clear()
    declined = await getattr(api, f"List{name}")(**scope, skip_total_size=True)
    assert [text for text in statements.texts if text.startswith("SELECT count(*)")] == []
    assert declined.total_size == 0
    assert counted.total_size > 0
    counted.total_size = 0
    for answer in (counted, declined):
        answer.next_page_token = ""  # tokens are sealed anew
    assert declined == counted


async def test_a_list_over_rest_is_not_counted_when_its_total_is_not_wanted(api: Api, rest: str) -> None:
    run_id, _ = await new_run_and_task(api)
    path = f"/apis/v2beta1/runs/{run_id}/tasks?page_size=5"
    assert (await ask(rest, "GET", path)).json["total_size"] == 1
    assert "total_size" not in (await ask(rest, "GET", f"{path}&skip_total_size=true")).json


@pytest.mark.parametrize("key", ["pipeline_id", "pipeline_version_id"])
async def test_runs_are_found_by_their_pipeline_and_version(api: Api, rest: str, key: str) -> None:
    versions = [await new_version(api, rest) for _ in range(2)]
    runs = [await new_run(api, pipeline_version_reference=version) for version in versions * 2]
    await new_run(api)

    async def found(operation: str, **value: object) -> list[str]:
        page = await api.ListRuns(filter=where(key, operation, **value), sort_by="created_at desc", page_size=100)
        return [run.run_id for run in page.runs if run.run_id in runs]

    wanted = versions[0][key]
    assert await found("EQUALS", string_value=wanted) == [runs[2], runs[0]]
    assert await found("NOT_EQUALS", string_value=wanted) == [runs[3], runs[1]]
    both = {"values": [version[key] for version in versions]}
    assert await found("IN", string_values=both) == runs[::-1]
    listed = await api.ListRuns(sort_by=f"{key} desc", page_size=100)
    ids = [getattr(run.pipeline_version_reference, key) for run in listed.runs]
    assert ids == sorted(ids, reverse=True)


async def test_runs_without_a_pipeline_are_found_too(api: Api) -> None:
    name = unique("run")
    run_id = await new_run(api, display_name=name)
    predicates = [("pipeline_id", ""), ("display_name", name)]
    text = ",".join(f'{{"key":"{key}","operation":"EQUALS","string_value":"{value}"}}' for key, value in predicates)
    page = await api.ListRuns(filter=f'{{"predicates":[{text}]}}')
    assert [run.run_id for run in page.runs] == [run_id]
