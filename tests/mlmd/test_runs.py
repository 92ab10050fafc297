"""Run contexts become runs: ids, names, namespaces, times, settings."""

import json
from typing import Any

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.records import Options
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from tests.mlmd.builders import (
    CONTEXT_ID,
    CREATED,
    RUN_ID,
    a_context,
    a_root,
    an_execution,
    counts,
    mapped,
    properties,
)

IDS = Ids()


def context(name: str, kind: RunKind = RunKind.KFP_V2, **more: Any) -> ContextRow:
    return ContextRow(CONTEXT_ID, "any", kind, name, CREATED, CREATED, **more)


@pytest.mark.parametrize(
    ("row", "kfp", "id"),
    [
        (context(RUN_ID), None, RUN_ID),
        (context(RUN_ID), KfpRun(RUN_ID), RUN_ID),
        (context("x" * 192), None, IDS.of("context:7")),
        (context(""), None, IDS.of("context:7")),
        (context("a\nb"), None, IDS.of("context:7")),
        (context(RUN_ID, repeats=True), None, IDS.of("context:7")),
        (context("train-v1-abc", RunKind.KFP_V1), None, IDS.of("context:7")),
        (context("train-v1-abc", RunKind.KFP_V1), KfpRun("uuid-of-kfp"), "uuid-of-kfp"),
        (context("run-0", RunKind.GENERIC), None, IDS.of("context:7")),
    ],
)
def test_a_run_keeps_the_id_that_kfp_gave_it(row: ContextRow, kfp: KfpRun | None, id: str) -> None:
    records = mapped([a_root()], context=row, kfp=kfp)
    assert records.run.id == id
    assert {task.run_id for task in records.tasks} == {id}
    assert counts(records.findings).get(Rule.RUNS_WITH_TAKEN_ID, 0) == row.repeats


def test_a_store_id_goes_before_the_names_of_ids() -> None:
    records = mapped([a_root()], context=context("run-0", RunKind.GENERIC), options=Options(store_id="west"))
    assert records.run.id == IDS.of("west:context:7")
    assert records.tasks[0].id == IDS.of("west:execution:1")


@pytest.mark.parametrize(
    ("row", "kfp", "name"),
    [
        (context(RUN_ID), KfpRun(RUN_ID, name="my run"), "my run"),
        (context(RUN_ID, pipeline_name="training"), None, "training"),
        (context(RUN_ID), None, RUN_ID),
        (context("run-0", RunKind.GENERIC, pipeline_name="taxi"), None, "run-0"),
    ],
)
def test_a_run_is_called_as_kfp_calls_it_or_as_its_pipeline(row: ContextRow, kfp: KfpRun | None, name: str) -> None:
    assert mapped([a_root()], context=row, kfp=kfp).run.display_name == name


@pytest.mark.parametrize(
    ("recorded", "kfp", "namespace", "differs"),
    [
        ("team-a", None, "team-a", 0),
        ("team-a", KfpRun(RUN_ID, namespace="team-a"), "team-a", 0),
        ("team-a", KfpRun(RUN_ID, namespace="team-b"), "team-b", 1),
        ("team-a", KfpRun(RUN_ID), "team-a", 0),
        ("", None, "", 0),
    ],
)
def test_the_namespace_is_that_of_kfps_database(
    recorded: str, kfp: KfpRun | None, namespace: str, differs: int
) -> None:
    records = mapped([a_root()], context=a_context(namespace=recorded), kfp=kfp)
    assert records.run.namespace == records.tasks[0].namespace == namespace
    assert counts(records.findings).get(Rule.NAMESPACES_DIFFER, 0) == differs


def test_a_run_keeps_what_it_was_started_with() -> None:
    row = a_context(pipeline_root="minio://root/é")
    records = mapped([a_root(inputs={"lr": 0.1, "n": 20})], context=row)
    assert records.run.runtime_config == '{"parameters":{"lr":0.1,"n":20},"pipelineRoot":"minio://root/é"}'
    assert json.loads(records.tasks[0].input_parameters or "") == [
        {"value": 0.1, "type": "RUNTIME_VALUE_INPUT", "parameterKey": "lr", "producer": {"taskName": "ROOT"}},
        {"value": 20, "type": "RUNTIME_VALUE_INPUT", "parameterKey": "n", "producer": {"taskName": "ROOT"}},
    ]


def test_inputs_of_other_tasks_are_of_unknown_origin() -> None:
    records = mapped([a_root(), an_execution(2, "a", inputs={"x": [1, 2]})])
    assert records.tasks[1].input_parameters == '[{"value":[1,2],"type":"COMPONENT_INPUT","parameterKey":"x"}]'


def test_kfps_database_knows_more_of_a_run() -> None:
    kfp = KfpRun(
        RUN_ID,
        name="my run",
        state="FAILED",
        state_history='[{"updateTime":"2023-11-14T22:13:20Z","state":"PENDING"}]',
        experiment_id="e1",
        description="why",
        storage_state="ARCHIVED",
        service_account="runner",
        recurring_run_id="r1",
        pipeline_id="p1",
        pipeline_version_id="v1",
        pipeline_root="s3://root",
        parameters={"a": 1},
        pipeline_spec='{"pipelineInfo":{"name":"p"},"root":{}}',
        created_at=5_000_000,
        scheduled_at=6_000_000,
        finished_at=9_000_000,
    )
    run = mapped([a_root()], kfp=kfp).run
    assert (run.experiment_id, run.description, run.storage_state, run.service_account) == (
        "e1",
        "why",
        "ARCHIVED",
        "runner",
    )
    assert (run.recurring_run_id, run.pipeline_id, run.pipeline_version_id) == ("r1", "p1", "v1")
    assert (run.state, run.state_history, run.pipeline_spec) == ("FAILED", kfp.state_history, kfp.pipeline_spec)
    assert (run.created_at, run.scheduled_at, run.finished_at) == (5_000_000, 6_000_000, 9_000_000)
    assert run.runtime_config == '{"parameters":{"a":1},"pipelineRoot":"s3://root"}'


def test_a_run_left_by_mlmd_alone_has_a_history() -> None:
    run = mapped([a_root(), an_execution(2, "a")]).run
    assert (run.created_at, run.experiment_id, run.pipeline_spec) == (CREATED * 1000, "", None)
    assert json.loads(run.state_history) == [
        {"updateTime": "2023-11-14T22:13:20Z", "state": "RUNNING"},
        {"updateTime": "2023-11-14T22:13:22.500Z", "state": "SUCCEEDED"},
    ]


@pytest.mark.parametrize("created", [0, -5])
def test_a_run_without_a_time_begins_with_its_first_execution(created: int) -> None:
    row = ContextRow(CONTEXT_ID, "any", RunKind.KFP_V2, RUN_ID, created, created, properties({}))
    records = mapped([a_root()], context=row)
    assert records.run.created_at == (CREATED + 1000) * 1000
    assert counts(records.findings)[Rule.TIMES_MISSING] == 1


def test_an_empty_run_is_a_run_with_a_root() -> None:
    records = mapped([])
    assert [task.name for task in records.tasks] == ["ROOT"]
    assert records.run.state == "SUCCEEDED"
