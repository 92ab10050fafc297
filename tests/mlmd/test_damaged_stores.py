"""Damaged stores import by written rules, and the report counts and names each case."""

import json
from collections import Counter

import pytest

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.findings import Findings, Rule
from storage.model import ArtifactType, TaskState
from tests.mlmd.expected import told_artifacts, told_link, told_tasks
from tests.mlmd.reading import Imported, read_all, store_url

IDS = Ids()


def told(findings: Findings) -> dict[tuple[str, str], tuple[int, list[str]]]:
    """Findings by rule and kind: how many, and the examples."""
    return {(found.rule.name, found.kind): (found.count, found.examples) for found in findings}


@pytest.fixture(scope="module")
async def whole() -> Imported:
    """The store that the damaged ones were made of."""
    return await read_all(store_url("kfp_main"))


async def test_dangling_events_are_skipped(whole: Imported) -> None:
    damaged = await read_all(store_url("damaged_dangling_events"))
    found = told(damaged.findings)
    assert found["DANGLING_EVENTS", "artifact missing"] == (1, ["event 68"])
    assert found["DANGLING_EVENTS", "execution missing"] == (2, ["event 69", "event 70"])
    assert found["DANGLING_PATHS", "event missing"] == (1, [])
    assert found["EVENTS_WITHOUT_KEY", ""] == (2, ["event 2", "event 3"])
    assert told_tasks(damaged) == told_tasks(whole)
    assert told_artifacts(damaged) == told_artifacts(whole)
    # The names of their artifacts are what the lost keys were.
    assert Counter(map(told_link, damaged.links)) == Counter(map(told_link, whole.links))


async def test_missing_types_are_told_from_properties(whole: Imported) -> None:
    damaged = await read_all(store_url("damaged_missing_types"))
    found = told(damaged.findings)
    assert found["CONTEXTS_OF_MISSING_TYPE", ""] == (1, ["type 11"])
    assert found["EXECUTIONS_OF_MISSING_TYPE", "system.ContainerExecution"][0] == 61
    assert found["ARTIFACTS_OF_MISSING_TYPE", ""] == (4, ["artifact 3", "artifact 11", "artifact 21", "artifact 38"])
    assert [run.run for run in damaged.runs] == [run.run for run in whole.runs]
    assert damaged.tasks == whole.tasks
    metrics = [a for a in told_artifacts(damaged) if a["mlmd_id"] == 3]
    assert [(a["type"], a["name"], a["metadata"]) for a in metrics] == [
        ("Artifact", "metrics", {"accuracy": 0.93, "loss": 0.125, "rows": 20})
    ]


async def test_null_and_undecodable_values_are_defaulted(whole: Imported) -> None:
    damaged = await read_all(store_url("damaged_nulls"))
    found = told(damaged.findings)
    assert found["VALUES_NULL", ""] == (
        5,
        [
            "artifact 3 accuracy",
            "execution 4 inputs",
            "execution 4 task_name",
            "artifact 11 accuracy",
            "artifact 38 accuracy",
        ],
    )
    assert found["STATES_UNKNOWN", ""] == (3, ["execution 3", "execution 13", "execution 25"])
    assert found["STRUCTS_UNDECODABLE", ""] == (2, ["execution 5 outputs", "execution 12 outputs"])
    assert found["PARAMETERS_UNREADABLE", ""] == (2, ["execution 5 outputs", "execution 12 outputs"])
    assert found["TIMES_MISSING", ""] == (2, ["artifact 3", "artifact 3"])
    assert found["NAMESPACES_MISSING", ""] == (1, ["context 4"])
    assert len(damaged.tasks) == len(whole.tasks)


async def test_values_that_null_replaced_take_the_next_best() -> None:
    damaged = await read_all(store_url("damaged_nulls"))
    tasks = {task.id: task for task in damaged.tasks}
    assert tasks[IDS.task(3)].state == tasks[IDS.task(13)].state == TaskState.RUNTIME_STATE_UNSPECIFIED
    assert tasks[IDS.task(25)].state == TaskState.SUCCEEDED  # a loop, derived
    assert tasks[IDS.task(4)].name == "evaluate"  # its display name
    kept = json.loads(tasks[IDS.task(5)].status_metadata or "")["customProperties"]
    assert kept == {"outputs": "mlmd-struct::%%%not-base64"}
    artifacts = damaged.artifacts
    assert artifacts[IDS.of("artifact:2")].uri is None
    loss = artifacts[IDS.of("artifact:3")]
    assert (loss.name, loss.type, loss.created_at) == (
        "loss",
        ArtifactType.Metric,
        1795216771404_000,
    )  # when it was put out


async def test_a_cycle_of_parents_is_cut(whole: Imported) -> None:
    damaged = await read_all(store_url("damaged_parent_dag_cycle"))
    assert told(damaged.findings)["PARENT_CYCLES", ""] == (1, ["execution 17 → execution 18"])
    # Cut where it was closed: the parents are those of before.
    assert damaged.tasks == whole.tasks
    assert damaged.links == whole.links


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("damaged_truncated", "is cut off: the file is smaller than its header says"),
        ("damaged_not_mlmd", "is not an MLMD store: it lacks MLMD's tables"),
    ],
)
async def test_what_is_no_whole_store_is_refused_with_one_sentence(name: str, sentence: str) -> None:
    with pytest.raises(SourceRefused) as refusal:
        await read_all(store_url(name))
    assert str(refusal.value) == f"the source {store_url(name)} {sentence}"


async def test_a_whole_store_needs_no_rule_for_damage(whole: Imported) -> None:
    assert set(whole.counts()) == {
        Rule.CONTEXTS_WITHOUT_PLACE.name,
        Rule.ITERATIONS_FOLDED.name,
        Rule.STATES_DERIVED.name,
    }
