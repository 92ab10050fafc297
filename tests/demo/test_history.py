"""What a visitor finds in the demo: runs of every fate, and a refused model that leads back to the table that had drifted."""

import asyncio
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from lineal.v1 import lineage_pb2
from lineal.v2beta1 import run_pb2

from server.demo.pipelines import CUSTOMERS, PIPELINES
from server.demo_command import fill_new_store
from tests.demo.conftest import END, demo_file
from tests.lineage.served import Served

HOUR = 3600 * 1_000_000
RECORDED = {
    "runs": "SELECT * FROM runs WHERE namespace = '' ORDER BY id",
    "tasks": "SELECT * FROM tasks WHERE namespace = '' ORDER BY id",
    "artifacts": "SELECT * FROM artifacts WHERE namespace = '' ORDER BY id",
    "links": "SELECT artifact_tasks.* FROM artifact_tasks JOIN runs ON runs.id = run_id WHERE namespace = '' ORDER BY 1",
}


async def run_named(demo: Served, name: str) -> Any:
    """The run of a name, with its tasks."""
    listed = await demo.api.ListRunSummaries(page_size=200)
    [run_id] = [run.run_id for run in listed.runs if run.display_name == name]
    return await demo.api.GetRun(run_id=run_id, view="FULL")


def tasks_of(run: Any, name: str) -> list[Any]:
    return [task for task in run.tasks if task.name == name]


async def test_forty_runs_are_recorded_and_three_imported(demo: Served) -> None:
    listed = await demo.api.ListRunSummaries(page_size=200)
    recorded = [run for run in listed.runs if run.namespace == ""]
    assert (len(recorded), len(listed.runs)) == (40, 43)
    assert {run.pipeline_name for run in recorded} == {pipeline.name for pipeline in PIPELINES}
    assert {run.display_name for run in listed.runs if run.namespace == "legacy"} == {"score-customers"}
    assert sum(run.archived for run in recorded) == 1
    assert {run.state for run in recorded} == {"RUNNING", "SUCCEEDED", "FAILED", "CANCELED"}
    begun = [run.created_at.ToMicroseconds() for run in recorded]
    assert END - 21 * 24 * HOUR < min(begun) < END - 19 * 24 * HOUR
    assert END - HOUR < max(begun) < END


async def test_every_version_of_a_pipeline_has_runs(demo: Served) -> None:
    used = {run.pipeline_version_id for run in (await demo.api.ListRunSummaries(page_size=200)).runs}
    for pipeline in (await demo.api.ListPipelines()).pipelines:
        versions = (await demo.api.ListPipelineVersions(pipeline_id=pipeline.pipeline_id)).pipeline_versions
        [told] = [one for one in PIPELINES if one.name == pipeline.display_name]
        assert sorted(one.display_name for one in versions) == [f"v{n + 1}" for n in range(len(told.versions))]
        assert {one.pipeline_version_id for one in versions} <= used


async def test_nothing_happens_after_the_end(demo_url: str, demo: Served) -> None:
    del demo
    with closing(sqlite3.connect(demo_url.removeprefix("sqlite:///"))) as connection:
        for table in ("runs", "tasks", "artifacts", "pipelines", "pipeline_versions", "experiments"):
            where = "WHERE name != 'Default'" if table == "experiments" else ""
            [latest] = connection.execute(f"SELECT max(created_at) FROM {table} {where}").fetchone()
            assert 0 < latest <= END, table
        [latest] = connection.execute("SELECT max(finished_at) FROM tasks").fetchone()
        assert 0 < latest <= END


async def test_the_refused_model_leads_to_the_table_that_drifted(demo: Served) -> None:
    run = await run_named(demo, "churn 12")
    assert run.state == run_pb2.FAILED
    [register] = tasks_of(run, "register")
    assert register.status_metadata.message.startswith("the registry refused the model: AUC 0.714")
    passed = {one.parameter_key: one.value.number_value for one in register.inputs.parameters}
    assert passed == {"auc": 0.714, "auc_required": 0.8}
    graph = await demo.api.GetLineage(start=[f"task/{register.task_id}"], direction="UPSTREAM", hops=10)
    tables = [node.ref.partition("/")[2] for node in graph.nodes if node.uri == CUSTOMERS]
    metadata = [(await demo.api.GetArtifact(artifact_id=id)).metadata for id in tables]
    assert [one["drifted"].string_value for one in metadata if one] == ["last_order_days"]
    makers = {node.name for node in graph.nodes if node.ref.startswith("task/")}
    assert {"select-best", "train", "split", "load-customers", "publish", "clean", "extract"} <= makers
    assert lineage_pb2.SAME_AS in {edge.kind for edge in graph.edges}


async def test_a_table_is_overwritten_every_night(demo: Served) -> None:
    graph = await demo.api.GetLineage(start=[f"uri/{CUSTOMERS}"], direction="UPSTREAM", hops=1)
    assert len(graph.nodes) > 10
    listed = await demo.api.ListArtifacts(page_size=200, filter=_by_name("customers"))
    written = [one for one in listed.artifacts if "rows" in one.metadata and one.uri == CUSTOMERS]
    assert len({one.created_at.ToMicroseconds() for one in written}) == len(written) == 20


async def test_a_failed_iteration_has_its_groups_above_it(demo: Served) -> None:
    run = await run_named(demo, "churn 4")
    states = [run_pb2.PipelineTask.TaskState.Name(task.state) for task in tasks_of(run, "train")]
    assert states == ["SUCCEEDED", "SUCCEEDED", "FAILED"]
    assert [tasks_of(run, name)[0].state for name in ("tune", "ROOT")] == [run_pb2.PipelineTask.FAILED] * 2
    assert not tasks_of(run, "select-best")


async def test_a_cached_step_puts_out_what_another_run_made(demo: Served) -> None:
    [cached] = tasks_of(await run_named(demo, "churn 9"), "split")
    assert cached.state == run_pb2.PipelineTask.CACHED
    made = {group.artifact_key: group.artifacts[0].uri for group in cached.outputs.artifacts}
    assert made == {key: f"s3://lake/churn/churn-8/{key}.parquet" for key in ("train", "test")}


async def test_curves_and_matrices_are_drawn_from_metadata(demo: Served) -> None:
    [evaluate] = tasks_of(await run_named(demo, "churn 11"), "evaluate")
    stored = {
        group.artifact_key: json_format.MessageToDict(group.artifacts[0])["metadata"]
        for group in evaluate.outputs.artifacts
        if group.artifacts[0].metadata
    }
    points = stored["roc"]["confidenceMetrics"]
    area = sum(
        (right["falsePositiveRate"] - left["falsePositiveRate"]) * (right["recall"] + left["recall"]) / 2
        for left, right in pairwise(points)
    )
    assert abs(area - 0.874) < 0.01
    rows = [row["row"] for row in stored["confusion"]["confusionMatrix"]["rows"]]
    assert (rows[0][0] + rows[1][1]) / sum(map(sum, rows)) == 0.843


async def test_one_run_is_running_and_one_is_quiet(demo: Served) -> None:
    overview = await demo.api.GetOverview(latest=1)
    assert [run.display_name for run in overview.latest] == ["churn 13"]
    assert overview.running.count == 2
    assert "value 6" in {run.display_name for run in overview.quiet}


async def test_two_models_are_registered_in_versions(demo: Served) -> None:
    for name, uri in (("churn-model", "s3://models/churn/latest"), ("value-model", "s3://models/value/latest")):
        listed = await demo.api.ListArtifacts(page_size=200, filter=_by_name(name))
        versions = [one.metadata["version"].string_value for one in listed.artifacts]
        assert len(versions) == len(set(versions)) > 1
        assert {one.uri for one in listed.artifacts} == {uri}


async def test_equal_moments_give_equal_histories(demo_url: str, demo: Served, tmp_path: Path) -> None:
    del demo
    again = demo_file(tmp_path)
    await asyncio.to_thread(fill_new_store, f"sqlite:///{again}", now=END)
    for table, statement in RECORDED.items():
        rows = []
        for path in (demo_url.removeprefix("sqlite:///"), str(again)):
            with closing(sqlite3.connect(path)) as connection:
                rows.append(connection.execute(statement).fetchall())
        assert rows[0] == rows[1] != [], table


def _by_name(name: str) -> str:
    return f'{{"predicates": [{{"key": "name", "operation": "EQUALS", "string_value": "{name}"}}]}}'
