"""GetArtifactReport: what made an artifact, in one read."""

import json
from typing import Any

import pytest
from google.protobuf import json_format
from lineal.v1 import artifacts_pb2

from server.rules.artifact_report import recipe, report
from server.rules.run_summaries import VALUE_CHARACTERS
from storage.ids import new_id
from storage.model import ArtifactType, IOType, TaskState, TaskType
from tests.api.client import code
from tests.contract.builders import MOMENT, a_pipeline, a_version, an_experiment, keep
from tests.lineage.served import PREFIX, Served
from tests.lineage.world import World
from tests.rest.client import ask

DATASET, MODEL, METRIC = ArtifactType.Dataset.value, ArtifactType.Model.value, ArtifactType.Metric.value


async def reported(served: Served, world: World, name: str) -> Any:
    """The report of an artifact of a world, which is the same over both doors."""
    id = world.artifacts[name].id
    answer = await served.api.GetArtifactReport(artifact_id=id)
    over_http = await ask(served.rest, "GET", f"{PREFIX}/artifacts/{id}")
    assert over_http.status == 200, over_http.body
    assert json_format.ParseDict(over_http.json, type(answer)()) == answer
    return answer


def parameters(**values: Any) -> str:
    """The parameters of a task as they are stored."""
    return json.dumps([{"parameterKey": key, "value": value} for key, value in values.items()])


SPEC = {
    "root": {"dag": {"tasks": {"sweep": {"componentRef": {"name": "comp-sweep"}}}}},
    "components": {
        "comp-sweep": {"dag": {"tasks": {"train": {"componentRef": {"name": "comp-train"}}}}},
        "comp-train": {"executorLabel": "exec-train"},
    },
    "deploymentSpec": {"executors": {"exec-train": {"container": {"image": "registry/train:1"}}}},
}


async def churn(served: Served) -> World:
    """A model that was trained in a loop, from a data set that a task made and one that was imported."""
    world, pipeline, experiment = World(), a_pipeline(name="churn"), an_experiment(name="daily")
    version = a_version(pipeline.id, name="v3")
    ids = {"pipeline_id": pipeline.id, "pipeline_version_id": version.id, "experiment_id": experiment.id}
    config = json.dumps({"parameters": {"date": "2026-03-01", "epochs": 3}})
    world.run("churn 1", state="SUCCEEDED", pipeline_spec=json.dumps(SPEC), runtime_config=config, **ids)
    world.artifact("raw", uri="s3://b/raw", type=DATASET, at=1)
    world.task("write", makes=["raw"], run="earlier")
    world.artifact("raw again", uri="s3://b/raw", type=DATASET, at=2)
    world.artifact("table", type=DATASET)
    world.artifact("model", uri="s3://b/model", type=MODEL, at=5, metadata='{"framework":"x","layers":[1,2]}')
    root = world.task("ROOT", type=TaskType.ROOT, run="churn 1", input_parameters=parameters(epochs=9, seed=7))
    world.task("import", type=TaskType.IMPORTER, makes=["raw again"], run="churn 1")
    world.task("prepare", makes=["table"], run="churn 1")
    loop = world.task("sweep", type=TaskType.LOOP, makes=["model"], run="churn 1", parent_task_id=root.id)
    world.task(
        "train",
        takes=["raw again", "table"],
        makes=["model"],
        run="churn 1",
        parent_task_id=loop.id,
        type_attributes='{"iterationIndex":"2"}',
        input_parameters=parameters(depth=4, note="x" * 2000),
        started_at=MOMENT + 1,
        finished_at=MOMENT + 2,
    )
    await keep(served.store, pipeline, version, experiment)
    return world


async def test_the_recipe_of_a_model(served: Served) -> None:
    world = await churn(served)
    await world.keep(served.store)
    found = await reported(served, world, "model")
    assert (found.artifact.name, found.artifact.type, found.artifact.uri) == ("model", "Model", "s3://b/model")
    assert json_format.MessageToDict(found.metadata) == {"framework": "x", "layers": [1.0, 2.0]}
    assert (found.origin, found.metadata_characters_left_out) == (found.MADE, 0)
    assert [(each.task.name, each.run.name) for each in found.makers] == [("train", "churn 1")]
    made = found.recipe
    assert [(step.name, step.iteration) for step in made.path] == [("sweep", 0), ("train", 2)]
    assert (made.started_at.ToMicroseconds(), made.finished_at.ToMicroseconds()) == (MOMENT + 1, MOMENT + 2)
    assert (made.run.name, made.run.state, made.experiment_name) == ("churn 1", "SUCCEEDED", "daily")
    assert (made.pipeline_name, made.pipeline_version_name) == ("churn", "v3")
    assert made.image == "registry/train:1"
    assert found.artifact.run == made.run.ref == f"run/{world.runs['churn 1'].id}"


async def test_parameters_are_those_of_the_task_and_of_the_run(served: Served) -> None:
    world = await churn(served)
    await world.keep(served.store)
    made = (await reported(served, world, "model")).recipe
    assert [(each.name, each.text, each.number) for each in made.parameters] == [
        ("depth", "4", 4.0),
        ("note", "x" * VALUE_CHARACTERS + "…", 0.0),
    ]
    # What the run was started with comes before the inputs of its root.
    shown = [("date", "2026-03-01"), ("epochs", "3"), ("seed", "7")]
    assert [(each.name, each.text) for each in made.run_parameters] == shown
    assert (made.more_parameters, made.more_run_parameters) == (False, False)


async def test_inputs_come_with_what_made_them_or_had_been_written_to_their_uri(served: Served) -> None:
    world = await churn(served)
    await world.keep(served.store)
    made = (await reported(served, world, "model")).recipe
    inputs = {each.source.artifact.name: each.source for each in made.inputs}
    assert inputs.keys() == {"raw again", "table"}
    assert (inputs["table"].task.name, inputs["table"].run.name) == ("prepare", "churn 1")
    assert not inputs["table"].HasField("written")
    imported = inputs["raw again"]
    assert (imported.origin, imported.task.name) == (artifacts_pb2.ArtifactReport.IMPORTED, "import")
    assert (imported.written.artifact.name, imported.written.task.name) == ("raw", "write")
    assert imported.written.run.name == "earlier"


async def test_an_imported_artifact_says_what_had_been_written_to_its_uri(served: Served) -> None:
    world = await churn(served)
    await world.keep(served.store)
    found = await reported(served, world, "raw again")
    assert (found.origin, [each.task.name for each in found.makers]) == (found.IMPORTED, ["import"])
    assert (found.written.artifact.name, found.written.task.name) == ("raw", "write")
    assert [each.artifact.name for each in found.older] == ["raw"]
    written = await reported(served, world, "raw")
    assert (written.origin, written.HasField("written")) == (written.MADE, False)
    assert [(each.artifact.name, each.origin) for each in written.younger] == [("raw again", written.IMPORTED)]


async def test_metrics_of_the_maker_and_of_tasks_that_took_the_artifact_come_before_others_of_the_run(
    served: Served,
) -> None:
    world = World()
    for name, number in (("loss", 0.5), ("accuracy", 0.9), ("rows", 12.0), ("elsewhere", 1.0)):
        world.artifact(name, type=METRIC, number_value=number)
    world.artifact("roc", type=ArtifactType.ClassificationMetric.value)
    world.task("train", makes=["model", "loss"])
    world.task("test", takes=["model"], makes=["accuracy", "roc"])
    world.task("load", makes=["rows"])
    world.task("later", takes=["model"], makes=["elsewhere"], run="another")
    await world.keep(served.store)
    made = (await reported(served, world, "model")).recipe
    shown = [(each.artifact.name, each.artifact.type, each.artifact.number, each.task.name) for each in made.metrics]
    assert shown == [
        ("loss", "Metric", 0.5, "train"),
        ("accuracy", "Metric", 0.9, "test"),
        ("roc", "ClassificationMetric", 0.0, "test"),
    ]
    assert [(each.artifact.name, each.artifact.number) for each in made.run_metrics] == [("rows", 12.0)]
    # A metric does not say something of itself.
    assert [each.artifact.name for each in (await reported(served, world, "loss")).recipe.metrics] == []


async def test_a_cached_artifact_was_made_by_the_task_that_was_not_cached(served: Served) -> None:
    world = World()
    world.task("found", makes=["model", "lost"], state=TaskState.CACHED, run="second")
    world.task("train", makes=["model"], takes=["data"], run="first")
    await world.keep(served.store)
    found = await reported(served, world, "model")
    assert [(each.task.name, each.run.name) for each in found.makers] == [("train", "first")]
    assert [(each.task.name, each.origin) for each in found.others] == [("found", found.CACHED)]
    assert (found.origin, found.recipe.run.name) == (found.MADE, "first")
    lost = await reported(served, world, "lost")
    assert (lost.origin, [each.task.name for each in lost.makers], len(lost.others)) == (lost.CACHED, ["found"], 0)


async def test_an_artifact_without_a_producer_says_so(served: Served) -> None:
    world = World()
    world.artifact("by hand", uri="s3://b/x")
    world.task("use", takes=["by hand"])
    world.task("group", type=TaskType.DAG, makes=["of a group"])
    await world.keep(served.store)
    found = await reported(served, world, "by hand")
    assert (found.origin, len(found.makers), found.HasField("recipe")) == (found.NOT_RECORDED, 0, False)
    assert (found.consumers, found.more_consumers) == (1, False)
    assert (await reported(served, world, "of a group")).origin == found.GROUP


async def test_several_makers_come_oldest_first_and_the_recipe_is_of_the_first(served: Served) -> None:
    world = World()
    world.task("second", makes=["model"], created_at=MOMENT + 2)
    world.task("first", makes=["model"], created_at=MOMENT + 1)
    world.link("first", "model", IOType.OUTPUT, key="again")
    world.task("import", type=TaskType.IMPORTER, makes=["model"])
    await world.keep(served.store)
    found = await reported(served, world, "model")
    assert [each.task.name for each in found.makers] == ["first", "second"]
    assert [(each.task.name, each.origin) for each in found.others] == [("import", found.IMPORTED)]
    assert [step.name for step in found.recipe.path] == ["first"]


async def test_versions_of_a_uri_are_around_the_artifact(served: Served) -> None:
    world, uri = World(), "s3://b/model"
    for number in range(25):
        world.artifact(f"v{number}", uri=uri, at=number // 2)
        world.task(f"train {number}", makes=[f"v{number}"], run=f"run {number}")
    await world.keep(served.store)
    found = await reported(served, world, "v12")
    assert [each.artifact.name for each in found.older] == [f"v{number}" for number in range(2, 12)]
    assert [each.artifact.name for each in found.younger] == [f"v{number}" for number in range(13, 23)]
    assert (found.more_older, found.more_younger) == (True, True)
    assert (found.older[0].task.name, found.older[0].run.name) == ("train 2", "run 2")
    first = await reported(served, world, "v3")
    assert ([each.artifact.name for each in first.older], first.more_older) == (["v0", "v1", "v2"], False)


async def test_what_is_more_than_may_be_shown_is_said(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((report, "PRODUCERS_MAX"), (report, "CONSUMERS_MAX"), (recipe, "INPUTS_MAX")):
        monkeypatch.setattr(module, name, 2)
    for name in ("METRICS_MAX", "RUN_METRICS_MAX", "PARAMETERS_MAX"):
        monkeypatch.setattr(recipe, name, 2)
    monkeypatch.setattr(recipe, "PARAMETERS_CHARACTERS", 60)
    monkeypatch.setattr(report, "METADATA_CHARACTERS", 10)
    world = World()
    world.artifact("model", metadata='{"long":"er than ten"}', description="a sentence of some words")
    for number in range(3):
        world.artifact(f"data {number}")
        world.artifact(f"metric {number}", type=METRIC, number_value=1.0)
        world.artifact(f"other {number}", type=METRIC, number_value=1.0)
        world.task(f"use {number}", takes=["model"], run="another")
        world.task(f"cached {number}", makes=["model"], state=TaskState.CACHED, run="another")
    world.run("run", runtime_config=json.dumps({"parameters": {"long": "x" * 60}}))
    makes = ["model", *(f"metric {number}" for number in range(3))]
    world.task("a", takes=[f"data {n}" for n in range(3)], makes=makes, input_parameters=parameters(a=1))
    world.task("b", makes=["model"])
    world.task("c", makes=["model"])
    world.task("side", makes=[f"other {number}" for number in range(3)])
    await world.keep(served.store)
    found = await reported(served, world, "model")
    assert (len(found.makers), found.more_makers, len(found.others), found.more_others) == (2, True, 2, True)
    assert (found.consumers, found.more_consumers) == (2, True)
    made = found.recipe
    assert (len(made.inputs), made.more_inputs, len(made.metrics), made.more_metrics) == (2, True, 2, True)
    assert len(made.run_metrics) == 2
    assert (len(made.run_parameters), made.more_run_parameters) == (0, True)
    assert (len(made.parameters), made.more_parameters) == (1, False)
    assert (found.HasField("metadata"), found.metadata_characters_left_out) == (False, 22)
    assert found.description == "a sentence"


async def test_only_so_many_parameters_are_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recipe, "PARAMETERS_MAX", 2)
    world = World()
    world.task("train", makes=["model"], input_parameters=parameters(c=1, b=2, a=3))
    await world.keep(served.store)
    made = (await reported(served, world, "model")).recipe
    assert ([each.name for each in made.parameters], made.more_parameters) == (["a", "b"], True)


async def test_an_artifact_that_does_not_exist_is_not_found(served: Served) -> None:
    for id in (new_id(), "", "\x00", "x" * 300):
        assert await code(served.api.GetArtifactReport(artifact_id=id)) == "NOT_FOUND"


async def test_curves_and_matrices_are_those_of_the_metadata(served: Served) -> None:
    point = {"confidenceThreshold": 0.5, "falsePositiveRate": 0.25, "recall": 0.75}
    matrix = {
        "annotationSpecs": [{"displayName": "a"}, {"displayName": "b"}],
        "rows": [{"row": [3, 1]}, {"row": [0, 4]}],
    }
    text = json.dumps({"confidenceMetrics": [point], "confusionMatrix": matrix})
    world = World()
    world.artifact("roc", type=ArtifactType.ClassificationMetric.value, metadata=text)
    world.artifact("other", type=MODEL, metadata=text)
    await world.keep(served.store)
    found = await reported(served, world, "roc")
    [point] = found.roc_curve.points
    assert (point.threshold, point.false_positive_rate, point.true_positive_rate) == (0.5, 0.25, 0.75)
    assert (found.roc_curve.name, found.roc_curve.artifact_id) == ("roc", world.artifacts["roc"].id)
    assert list(found.confusion_matrix.labels) == ["a", "b"]
    assert [list(row.counts) for row in found.confusion_matrix.rows] == [[3, 1], [0, 4]]
    other = await reported(served, world, "other")
    assert (other.HasField("roc_curve"), other.HasField("confusion_matrix")) == (False, False)
