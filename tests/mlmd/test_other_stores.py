"""The stores that are not of KFP v2: KFP v1, a TFX-like one, and the same in older schemas."""

import json

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.findings import Rule
from migrations.mlmd.vocabulary.rows import RunKind
from storage.model import TaskState, TaskType
from tests.mlmd.reading import Imported, read_all, store_url

IDS = Ids()
NODE_EXECUTION = "tfx.components.example_gen.csv_example_gen.component.CsvExampleGen"


async def test_kfp_v1_history_becomes_runs_of_runtime_tasks() -> None:
    imported = await read_all(store_url("kfp_v1_metadata_writer"))
    assert imported.survey.runs == {RunKind.KFP_V1: 2}
    assert [run.run.display_name for run in imported.runs] == ["train-v1-abcde", "train-v1-fghij"]
    assert [task.name for task in imported.tasks] == ["Create data", "Train", "Deploy"] * 2
    assert {task.type for task in imported.tasks} == {TaskType.RUNTIME}
    assert [json.loads(task.pods or "")[0]["name"] for task in imported.runs[0].tasks] == [
        f"train-v1-abcde-{place}" for place in range(3)
    ]
    assert [artifact.name for artifact in imported.runs[0].artifacts] == ["data", "model", "mlpipeline-ui-metadata"]
    assert imported.counts() == {"ARTIFACTS_OF_OTHER_TYPES": 6}
    assert len(imported.links) == imported.survey.events == 10


@pytest.fixture(scope="module", params=["tfx_like", "schema_v9", "schema_v6"])
async def generic(request: pytest.FixtureRequest) -> Imported:
    name: str = request.param
    return await read_all(store_url(name))


def test_a_generic_store_becomes_runs_of_runtime_tasks(generic: Imported) -> None:
    assert generic.survey.schema_version in (6, 9, 10)
    assert generic.survey.runs == {RunKind.GENERIC: 3}
    assert [run.run.display_name for run in generic.runs] == ["run-0", "run-1", "run-2"]
    assert [len(run.tasks) for run in generic.runs] == [3, 2, 2]
    assert sorted(TaskState(task.state).name for task in generic.tasks) == [
        "CACHED",
        "FAILED",
        "RUNNING",
        "RUNTIME_STATE_UNSPECIFIED",
        "RUNTIME_STATE_UNSPECIFIED",
        "SKIPPED",
        "SUCCEEDED",
    ]


def test_every_artifact_of_a_generic_store_is_imported(generic: Imported) -> None:
    assert len(generic.artifacts) == generic.survey.artifacts == 30
    assert len(generic.artifacts_without_run) == 15
    assert generic.findings.count(Rule.ARTIFACTS_WITHOUT_TASK, "Model") == 8


def test_what_of_a_generic_store_has_no_place_is_listed(generic: Imported) -> None:
    findings = generic.findings
    assert findings.count(Rule.EXECUTIONS_WITHOUT_RUN, NODE_EXECUTION) == 3
    assert findings.count(Rule.CONTEXTS_WITHOUT_PLACE, "node") == 3
    assert findings.count(Rule.CONTEXTS_WITHOUT_PLACE, "pipeline") == 1
    links, skipped = len(generic.links), findings.count(Rule.DUPLICATE_LINKS)
    assert links + skipped == generic.survey.events


def test_every_kind_of_value_survives(generic: Imported) -> None:
    artifact = generic.artifacts[IDS.of("artifact:1")]
    metadata = json.loads(artifact.metadata or "")
    assert (artifact.name, artifact.uri) == ("all kinds ☃", "gs://b/☃/all?x=1#f")
    assert metadata["c_int"] == -(2**31)
    assert metadata["p_int"] == 2**31 - 1
    assert metadata["p_double"] == 0.1
    assert metadata["c_string"] == "naïve\n\t'quote' \"dq\" \\back 🚀"
    assert metadata[""] == "empty property name"
    assert metadata["c_struct"] == {"": "empty key", "a": [1, "zwei", {"b": None}], "big": 1e300, "ünï": {"x": True}}
    if generic.survey.schema_version == 10:
        assert (metadata["c_bool"], metadata["p_bool"]) == (True, False)
        assert metadata["c_proto"].startswith("Ci50eXBl")


async def test_a_named_context_type_becomes_runs_too() -> None:
    imported = await read_all(store_url("tfx_like"), run_context_types=["node"])
    assert sorted(run.run.display_name for run in imported.runs) == [
        "chicago-täxi.CsvExampleGen",
        "chicago-täxi.Pusher",
        "chicago-täxi.Trainer",
        "run-0",
        "run-1",
        "run-2",
    ]
    pusher = next(run for run in imported.runs if run.run.display_name.endswith("Pusher"))
    assert [task.id for task in pusher.tasks] == [IDS.task(8)]
    assert imported.findings.count(Rule.EXECUTIONS_WITHOUT_RUN) == 2


async def test_an_execution_of_several_runs_is_taken_into_the_first() -> None:
    imported = await read_all(store_url("tfx_like"), run_context_types=["pipeline"])
    assert [len(run.tasks) for run in imported.runs] == [7, 0, 0, 0]
    assert imported.findings.count(Rule.EXECUTIONS_OF_SEVERAL_RUNS) == 7
    assert len(imported.tasks) == len({task.id for task in imported.tasks})
