"""What a made specification looks like: trees, loops, names, what crosses the border of a DAG, and its bounds."""

from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from server.recorded_spec import TASKS_MAX, RecordedSpec, RecordedSpecs
from server.recorded_spec import cache as cache_module
from server.recorded_spec import flow as flow_module
from storage.model import IOType, RunActivity, TaskType
from tests.contract.builders import a_run
from tests.recorded_spec.drawing import Drawing, complaints
from tests.recorded_spec.runs import link, made, parameter, root, task

USED = IOType.TASK_OUTPUT_INPUT


def tasks_of(spec: dict[str, Any], *path: str) -> dict[str, Any]:
    """The tasks of the DAG at a path."""
    return dict(Drawing(spec).component(path)["dag"]["tasks"])


def test_a_run_without_tasks_is_an_empty_graph() -> None:
    spec = made([], run={"display_name": "Nightly Train #7"})
    assert (spec["sdkVersion"], spec["schemaVersion"]) == ("recorded", "2.1.0")
    assert (spec["root"], spec["deploymentSpec"]) == ({"dag": {"tasks": {}}}, {"executors": {}})
    assert spec["pipelineInfo"]["name"] == "nightly-train-7"
    assert complaints(spec, [], []) == []


def test_tasks_stand_where_their_parents_are() -> None:
    top = root()
    group = task("group", top, type=TaskType.DAG)
    spec = made([top, group, task("inner", group, display_name="Inner step"), task("leaf", top)])
    assert tasks_of(spec).keys() == {"group", "leaf"}
    assert tasks_of(spec, "group")["inner"]["taskInfo"] == {"name": "Inner step"}
    assert "executorLabel" in Drawing(spec).component(("group", "inner"))


@pytest.mark.parametrize("type", ["DAG", "LOOP", "CONDITION", "CONDITION_BRANCH", "EXIT_HANDLER"])
def test_a_group_without_tasks_is_an_empty_dag(type: str) -> None:
    top = root()
    spec = made([top, task("group", top, type=TaskType[type])])
    assert Drawing(spec).component(("group",))["dag"] == {"tasks": {}}


def test_tasks_without_a_parent_that_is_there_stand_below_the_root() -> None:
    top = root()
    alone, orphan = task("alone"), task("orphan", task("not recorded"))
    assert tasks_of(made([alone, top, orphan, task("child", top)])).keys() == {"alone", "orphan", "child"}
    assert tasks_of(made([alone, orphan])).keys() == {"alone", "orphan"}


def test_a_cycle_of_parents_is_drawn_once() -> None:
    first = task("first")
    second = task("second", first)
    looped = type(first)(**{name: getattr(first, name) for name in first.__slots__} | {"parent_task_id": second.id})
    spec = made([root(), looped, second])
    assert tasks_of(spec).keys() == {"first"}
    assert tasks_of(spec, "first").keys() == {"second"}


def test_iterations_of_a_loop_are_one_node_and_other_tasks_of_one_name_are_not() -> None:
    top = root()
    loop = task("loop", top, type=TaskType.LOOP, type_attributes={"iterationCount": "2"})
    bodies = [task("body", loop, type=TaskType.DAG, type_attributes={"iterationIndex": str(n)}) for n in range(2)]
    steps = [task("step", body) for body in bodies]
    twins = [task("twin", top), task("twin", top), task("twin-2", top)]
    spec = made([top, loop, *bodies, *steps, *twins])
    assert tasks_of(spec).keys() == {"loop", "twin", "twin-2", "twin-2-2"}
    assert tasks_of(spec, "loop").keys() == {"body"}
    assert tasks_of(spec, "loop", "body").keys() == {"step"}


@pytest.mark.parametrize(
    ("attributes", "items", "raw", "key"),
    [
        ({"iterationCount": "3"}, [], "[0,1,2]", "item"),
        ({}, [], "[]", "item"),
        ({}, ["a", "b"], '["a","b"]', "it"),
        ({"iterationCount": str(2**62)}, [], None, "item"),
    ],
)
def test_a_loop_is_an_iterator_over_its_items(attributes: Any, items: list[str], raw: str | None, key: str) -> None:
    top = root()
    inputs = [parameter("it", item, type="ITERATOR_INPUT") for item in items]
    spec = made([top, task("loop", top, type=TaskType.LOOP, type_attributes=attributes, input_parameters=inputs)])
    iterator = tasks_of(spec)["loop"]["parameterIterator"]
    assert iterator["itemInput"] == key
    assert raw is None or iterator["items"] == {"raw": raw}
    assert len(iterator["items"]["raw"]) < 10_000
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


def test_an_artifact_passes_from_its_maker_to_its_users() -> None:
    top = root()
    maker, user = task("maker", top), task("user", top)
    links = [link(maker, "a", "model", artifact_type=2), link(user, "a", "in", USED)]
    spec = made([top, user, maker], links)
    source = {"taskOutputArtifact": {"producerTask": "maker", "outputArtifactKey": "model"}}
    assert tasks_of(spec)["user"]["inputs"] == {"artifacts": {"in": source}}
    assert tasks_of(spec)["user"]["dependentTasks"] == ["maker"]
    [definition] = Drawing(spec).component(("maker",))["outputDefinitions"]["artifacts"].values()
    assert definition == {"artifactType": {"schemaTitle": "system.Model", "schemaVersion": "0.0.1"}}
    assert complaints(spec, [top, user, maker], links) == []


def test_what_crosses_dags_becomes_their_outputs_and_inputs() -> None:
    top = root()
    left, right = task("left", top, type=TaskType.DAG), task("right", top, type=TaskType.DAG)
    deep = task("deep", right, type=TaskType.DAG)
    maker = task("maker", left, output_parameters=[parameter("n", 7)])
    user = task("user", deep, input_parameters=[parameter("n", 7, "maker")])
    tasks, links = [top, left, right, deep, maker, user], [link(maker, "a", "out"), link(user, "a", "in", USED)]
    spec = made(tasks, links)
    assert complaints(spec, tasks, links) == []
    drawing = Drawing(spec)
    assert (("left", "maker"), "out") in list(drawing.sources(("right", "deep", "user"), "in", "artifacts"))
    assert (("left", "maker"), "n") in list(drawing.sources(("right", "deep", "user"), "n", "parameters"))
    assert tasks_of(spec)["right"]["dependentTasks"] == ["left"]


def test_a_dag_keeps_the_keys_that_were_recorded_for_it() -> None:
    top = root()
    group, after = task("group", top, type=TaskType.DAG), task("after", top)
    before, inner = task("before", top), task("inner", group)
    links = [
        link(before, "a", "out"),
        link(group, "a", "taken", USED),
        link(inner, "a", "in", USED),
        link(inner, "b", "out"),
        link(group, "b", "given", producer='{"taskName":"inner"}'),
        link(after, "b", "in", USED, producer='{"taskName":"group"}'),
    ]
    spec = made([top, group, after, before, inner], links)
    assert tasks_of(spec, "group")["inner"]["inputs"]["artifacts"] == {"in": {"componentInputArtifact": "taken"}}
    source = {"taskOutputArtifact": {"producerTask": "group", "outputArtifactKey": "given"}}
    assert tasks_of(spec)["after"]["inputs"]["artifacts"] == {"in": source}
    assert Drawing(spec).component(("group",))["dag"]["outputs"]["artifacts"].keys() == {"given"}


def test_an_artifact_that_no_task_of_the_run_made_is_an_input_of_the_root() -> None:
    top = root()
    users = [task(name, top) for name in "ab"]
    links = [link(users[0], "old", "in", USED), link(users[1], "old", "in", USED), link(users[1], "new", "in", USED)]
    spec = made([top, *users], links)
    assert spec["root"]["inputDefinitions"]["artifacts"].keys() == {"in", "in-2"}
    assert tasks_of(spec)["b"]["inputs"]["artifacts"].keys() == {"in", "in-2"}
    assert complaints(spec, [top, *users], links) == []


def test_a_parameter_of_the_root_and_a_constant_are_told_apart() -> None:
    top = root(input_parameters=[parameter("rate", 0.5, "ROOT", type="RUNTIME_VALUE_INPUT")])
    inputs = [parameter("lr", 0.5, "ROOT"), parameter("note", "x" * 1_000), parameter("empty", None)]
    spec = made([top, task("train", top, input_parameters=inputs)])
    given = tasks_of(spec)["train"]["inputs"]["parameters"]
    assert given["lr"] == {"componentInputParameter": "rate"}
    assert given["note"]["runtimeValue"]["constant"] == "x" * 200 + "…"
    assert given["empty"] == {"runtimeValue": {"constant": None}}
    assert spec["root"]["inputDefinitions"]["parameters"] == {"rate": {"parameterType": "NUMBER_DOUBLE"}}


def test_outputs_of_alternatives_are_one_of_them() -> None:
    top = root()
    group = task(
        "branches",
        top,
        type=TaskType.CONDITION_BRANCH,
        output_parameters=[parameter("out", 1, "yes"), parameter("out", 2, "no")],
    )
    branches = [task(name, group, output_parameters=[parameter("n", value)]) for name, value in (("yes", 1), ("no", 2))]
    spec = made([top, group, *branches])
    outputs = Drawing(spec).component(("branches",))["dag"]["outputs"]["parameters"]["out"]
    assert [one["producerSubtask"] for one in outputs["valueFromOneof"]["parameterSelectors"]] == ["yes", "no"]
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


def test_an_importer_shows_what_it_imported() -> None:
    top = root()
    importer = task("importer", top, type=TaskType.IMPORTER)
    spec = made([top, importer], [link(importer, "a", "artifact", artifact_type=3, uri="s3://b/data")])
    [executor] = spec["deploymentSpec"]["executors"].values()
    assert executor["importer"]["artifactUri"] == {"constant": "s3://b/data"}
    assert executor["importer"]["typeSchema"]["schemaTitle"] == "system.Dataset"


def test_the_description_says_when_there_are_more_tasks_than_are_drawn() -> None:
    spec = made([root()], task_count=12_345)
    assert "the first 1 of 12,345 tasks" in spec["pipelineInfo"]["description"]
    assert "tasks." not in made([root()])["pipelineInfo"]["description"].replace("recorded tasks", "")


def test_a_chain_of_groups_is_drawn_without_taking_for_ever() -> None:
    tasks = [root()]
    for number in range(TASKS_MAX - 1):
        tasks.append(task(f"g{number}", tasks[-1], input_parameters=[parameter("x", number, "ROOT")]))
    links = [link(tasks[-1], "a", "out")] + [link(one, "a", "in", USED) for one in tasks[1:-1]]
    spec = made(tasks, links * 4)
    assert len(spec["components"]) == TASKS_MAX - 1
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())


@pytest.mark.parametrize("limit", ["ENTRIES_MAX", "_WORK_MAX"])
def test_what_is_too_much_is_left_out_and_said(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_module, limit, 5)
    top = root()
    users = [task(f"u{n}", top, input_parameters=[parameter("a", n, "ROOT")]) for n in range(10)]
    spec = made([top, *users])
    assert tasks_of(spec).keys() == {one.name for one in users}
    assert "too many" in spec["pipelineInfo"]["description"]


def test_made_specifications_are_kept_until_the_run_changes_or_room_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "BYTES_MAX", 10)
    specs, runs, activity = RecordedSpecs(), [a_run(), a_run()], RunActivity(1, 1, "a")
    first, second = RecordedSpec("1234", b""), RecordedSpec("12", b"34")
    specs.keep(runs[0], activity, first)
    assert specs.find(runs[0], activity) is first
    assert specs.find(runs[0], RunActivity(1, 2, "a")) is None
    specs.keep(runs[1], activity, second)
    assert specs.find(runs[0], activity) is first
    specs.keep(runs[1], RunActivity(2, 2, "a"), RecordedSpec("1234567", b""))
    assert [specs.find(runs[0], activity), specs.find(runs[1], activity)] == [None, None]
