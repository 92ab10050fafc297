"""CreateRun: what is refused, what is kept, what the server adds."""

import math
import time
from typing import Any

import pytest
from google.protobuf import json_format
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_run, a_spec, a_struct, a_task, moment, new_run, unique
from tests.api.client import Api, code

pytestmark = pytest.mark.one_database


async def test_a_new_run_is_pending_available_and_in_the_default_experiment(api: Api) -> None:
    before = time.time() - 1
    run = await api.CreateRun(run=a_run("nightly"))
    assert (run.display_name, run.state, run.storage_state) == ("nightly", 1, 1)
    assert before < run.created_at.seconds + 1
    assert run.created_at.seconds <= time.time()
    assert (run.scheduled_at, run.finished_at.ToJsonString()) == (run.created_at, "1970-01-01T00:00:00Z")
    assert [(entry.state, entry.update_time) for entry in run.state_history] == [(1, run.created_at)]
    assert run.service_account == "pipeline-runner"
    assert (await api.CreateRun(run=a_run())).experiment_id == run.experiment_id != ""


async def test_a_new_run_reads_back_as_it_was_answered(api: Api) -> None:
    run = await api.CreateRun(run=a_run(description="d", service_account="robot", pipeline_spec=a_spec()))
    assert await api.GetRun(run_id=run.run_id) == run
    assert (run.description, run.service_account) == ("d", "robot")


async def test_what_the_server_decides_is_not_taken_from_the_request(api: Api) -> None:
    long_ago = moment("2001-01-01T00:00:00Z")
    asked = a_run(created_at=long_ago, state="FAILED", state_history=[{"state": "FAILED", "update_time": long_ago}])
    run = await api.CreateRun(run=asked, experiment_id="ignored")
    assert (run.state, [entry.state for entry in run.state_history]) == (1, [1])
    assert run.created_at.seconds > long_ago.seconds


async def test_storage_state_and_times_of_the_request_are_kept(api: Api) -> None:
    scheduled, finished = moment("2024-01-01T00:00:00.000001Z"), moment("2024-01-01T01:00:00.123456Z")
    asked = a_run(storage_state="ARCHIVED", scheduled_at=scheduled, finished_at=finished)
    run = await api.GetRun(run_id=(await api.CreateRun(run=asked)).run_id)
    assert (run.storage_state, run.scheduled_at, run.finished_at) == (2, scheduled, finished)


@pytest.mark.parametrize("run_id", ["a", "with space", "ünïcödé 🚀", "x" * 191, "é" * 95])
async def test_a_run_id_may_be_any_text_and_is_used_once(api: Api, run_id: str) -> None:
    await code(api.DeleteRun(run_id=run_id))
    assert (await api.CreateRun(run=a_run(run_id=run_id))).run_id == run_id
    assert await code(api.CreateRun(run=a_run(run_id=run_id))) == "ALREADY_EXISTS"
    assert (await api.GetRun(run_id=run_id)).run_id == run_id
    await api.DeleteRun(run_id=run_id)


async def test_run_ids_that_differ_in_case_or_trailing_spaces_are_different_runs(api: Api) -> None:
    word = unique("Run")
    run_ids = [word, word.lower(), f"{word} ", f" {word}"]
    for run_id in run_ids:
        await new_run(api, run_id=run_id, display_name=f"named {run_id!r}")
    assert [(await api.GetRun(run_id=id)).display_name for id in run_ids] == [f"named {id!r}" for id in run_ids]


async def test_display_names_need_not_be_unique(api: Api) -> None:
    assert await new_run(api, display_name="same") != await new_run(api, display_name="same")


async def test_a_recurring_run_makes_one_run_of_each_name(api: Api) -> None:
    recurring = unique("recurring")
    first = await api.CreateRun(run=a_run("1", recurring_run_id=recurring))
    assert await api.CreateRun(run=a_run("1", recurring_run_id=recurring, description="again")) == first
    others = [a_run("2", recurring_run_id=recurring), a_run("1", recurring_run_id=unique()), a_run("1")]
    made = {(await api.CreateRun(run=other)).run_id for other in others}
    assert len(made | {first.run_id}) == 4
    assert first.recurring_run_id == recurring


async def test_tasks_of_the_request_are_dropped_but_bad_ones_refused(api: Api) -> None:
    run = await api.CreateRun(run=a_run(tasks=[a_task()]))
    assert (await api.GetRun(run_id=run.run_id, view="FULL")).task_count == 0
    assert await code(api.CreateRun(run=a_run(tasks=[a_task(state=99)]))) == "INVALID_ARGUMENT"
    assert await code(api.CreateRun(run=a_run(tasks=[a_task("n" * 129)]))) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"display_name": ""}, "INVALID_ARGUMENT"),
        ({"plugins_output": {"mlflow": {}}}, "INVALID_ARGUMENT"),
        ({"experiment_id": "no-such-experiment"}, "NOT_FOUND"),
        ({"experiment_id": "x" * 300}, "NOT_FOUND"),
        ({"pipeline_version_reference": {}}, "INVALID_ARGUMENT"),
        ({"pipeline_version_id": ""}, "INVALID_ARGUMENT"),
        ({"description": "a\0b"}, "INVALID_ARGUMENT"),
        ({"run_id": "a\0b"}, "INVALID_ARGUMENT"),
        ({"storage_state": 99}, "INVALID_ARGUMENT"),
    ],
)
async def test_a_senseless_run_is_refused(api: Api, fields: dict[str, Any], expected: str) -> None:
    assert await code(api.CreateRun(run=a_run(**fields))) == expected


@pytest.mark.parametrize(
    "source",
    [{"pipeline_spec": {}}, {"pipeline_version_reference": {}}, {"pipeline_spec": a_spec(), "parameters": {"x": 1}}],
)
async def test_an_unknown_experiment_is_told_before_anything_of_the_source(api: Api, source: dict[str, Any]) -> None:
    assert await code(api.CreateRun(run=a_run(experiment_id="no-such-experiment", **source))) == "NOT_FOUND"
    known = (await api.CreateRun(run=a_run())).experiment_id
    assert await code(api.CreateRun(run=a_run(experiment_id=known, **source))) == "INVALID_ARGUMENT"


async def test_a_request_without_a_run_is_refused(api: Api) -> None:
    assert await code(api.CreateRun()) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"name": "not a spec"},
        {"pipelineSpec": a_spec()},
        {"pipeline_spec": {}},
        {"pipeline_spec": "text"},
        {**a_spec(), "unknownField": 1},
        a_spec(schemaVersion="2.0.0"),
        a_spec(schemaVersion=""),
        a_spec(pipelineInfo={}),
        {key: value for key, value in a_spec().items() if key != "root"},
    ],
)
async def test_what_is_no_pipeline_spec_is_refused(api: Api, document: dict[str, Any]) -> None:
    assert await code(api.CreateRun(run=a_run(pipeline_spec=document))) == "INVALID_ARGUMENT"


async def test_a_spec_is_kept_as_given(api: Api) -> None:
    spec = a_spec({"a": {"parameterType": "STRING", "isOptional": False, "defaultValue": ""}}, sdkVersion="")
    spec["pipelineInfo"]["name"] = "Upper_Case"
    run_id = await new_run(api, pipeline_spec=spec)
    for view in ("DEFAULT", "FULL"):
        assert json_format.MessageToDict((await api.GetRun(run_id=run_id, view=view)).pipeline_spec) == spec


@pytest.mark.parametrize(
    ("platform", "unwrapped"),
    [(None, True), ({}, True), ({"platforms": {"kubernetes": {"deploymentSpec": {}}}}, False)],
)
async def test_a_wrapped_spec_is_unwrapped_unless_it_has_a_platform(
    api: Api, platform: dict[str, Any] | None, unwrapped: bool
) -> None:
    wrapper = {"pipeline_spec": a_spec()} | ({} if platform is None else {"platform_spec": platform})
    run = await api.CreateRun(run=a_run(pipeline_spec=wrapper))
    assert json_format.MessageToDict(run.pipeline_spec) == (a_spec() if unwrapped else wrapper)


@pytest.mark.parametrize("number", [math.nan, math.inf])
@pytest.mark.parametrize("path", [("x",), ("root", "x"), ("pipeline_spec", "x"), ("platform_spec", "x")])
async def test_a_spec_with_a_number_that_is_none_is_refused(api: Api, path: tuple[str, ...], number: float) -> None:
    spec = a_struct(a_spec() if path[0] in ("x", "root") else {"pipeline_spec": a_spec(), "platform_spec": {}})
    inner = spec
    for step in path[:-1]:
        inner = inner.fields[step].struct_value
    inner.fields[path[-1]].number_value = number
    assert await code(api.CreateRun(run=run_pb2.Run(display_name="r", pipeline_spec=spec))) == "INVALID_ARGUMENT"


@pytest.mark.parametrize("platform", ["", 1.0, [], [{}]])
async def test_a_platform_that_is_no_object_is_refused(api: Api, platform: Any) -> None:
    wrapper = {"pipeline_spec": a_spec(), "platform_spec": platform}
    assert await code(api.CreateRun(run=a_run(pipeline_spec=wrapper))) == "INVALID_ARGUMENT"


OPTIONAL = {"isOptional": True}


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ({"parameterType": "NUMBER_INTEGER"}, 1.5),
        ({"parameterType": "NUMBER_DOUBLE"}, 2),
        ({"parameterType": "STRING"}, ""),
        ({"parameterType": "BOOLEAN"}, False),
        ({"parameterType": "LIST"}, [1, "a", None]),
        ({"parameterType": "STRUCT"}, {"a": None}),
        ({"parameterType": "STRING", "literals": ["a", "b"]}, "b"),
    ],
)
async def test_fitting_parameters_are_kept(api: Api, declared: dict[str, Any], given: Any) -> None:
    run = await api.CreateRun(run=a_run(pipeline_spec=a_spec({"p": declared}), parameters={"p": given}))
    assert json_format.MessageToDict(run.runtime_config) == {"parameters": {"p": given}}


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ({"parameterType": "STRING"}, {}),
        ({"parameterType": "STRING", **OPTIONAL}, {"other": "x"}),
        ({"parameterType": "STRING"}, {"p": 1}),
        ({"parameterType": "NUMBER_INTEGER"}, {"p": "1"}),
        ({"parameterType": "BOOLEAN"}, {"p": 0}),
        ({"parameterType": "LIST"}, {"p": {}}),
        ({"parameterType": "STRUCT"}, {"p": []}),
        ({"parameterType": "STRING", **OPTIONAL}, {"p": None}),
        ({"parameterType": "TASK_FINAL_STATUS", **OPTIONAL}, {"p": {}}),
        ({**OPTIONAL}, {"p": "x"}),
        ({"parameterType": "STRING", "literals": ["a"]}, {"p": "b"}),
    ],
)
async def test_parameters_that_do_not_fit_the_spec_are_refused(
    api: Api, declared: dict[str, Any], given: dict[str, Any]
) -> None:
    run = a_run(pipeline_spec=a_spec({"p": declared}), parameters=given)
    assert await code(api.CreateRun(run=run)) == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "declared", [{"parameterType": "STRING", **OPTIONAL}, {"parameterType": "STRING", "defaultValue": "x"}]
)
async def test_parameters_with_a_default_may_be_left_out(api: Api, declared: dict[str, Any]) -> None:
    run = await api.CreateRun(run=a_run(pipeline_spec=a_spec({"p": declared})))
    assert not run.HasField("runtime_config")


async def test_a_run_recorded_by_hand_takes_any_parameters(api: Api) -> None:
    run = a_run(parameters={"anything": {"x": [1]}}, runtime_config={"pipeline_root": "s3://bucket"})
    kept = (await api.GetRun(run_id=(await api.CreateRun(run=run)).run_id)).runtime_config
    assert json_format.MessageToDict(kept) == {
        "parameters": {"anything": {"x": [1]}},
        "pipelineRoot": "s3://bucket",
    }
