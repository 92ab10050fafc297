"""CompareRuns, over gRPC and REST: which rows runs have, what they are called, and where they differ."""

import json
import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from server.apis.lineal.compare import RUNS_MAX
from server.rules.comparison import compare, rows
from server.rules.comparison.compare import ALL_RUNS_MAX
from storage.ids import new_id
from storage.model import Artifact, ArtifactType, IOType, Run, Task, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.api.client import code, refusal
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.uris import with_uri
from tests.contract.watching import statements
from tests.lineage.served import Served
from tests.rest.client import ask

USED = IOType.COMPONENT_INPUT.value
RUNTIME = {"type": TaskType.RUNTIME.value, "state": TaskState.SUCCEEDED.value}


@dataclass
class History:
    """A run with tasks that have taken and made artifacts."""

    run: Run
    records: list[Any] = field(default_factory=list)

    def task(self, name: str, **fields: Any) -> Task:
        """Add a task."""
        task = a_task(self.run.id, name=name, **RUNTIME | fields)
        self.records.append(task)
        return task

    def makes(self, task: Task, artifact: Artifact, key: str = "out", **fields: Any) -> Artifact:
        """Let a task make an artifact."""
        self.records += [artifact, a_link(task, artifact, key=key, **fields)]
        return artifact

    def measures(self, task: Task, name: str, number: float | None, **fields: Any) -> Artifact:
        """Let a task put out a metric."""
        metric = an_artifact(name=name, type=ArtifactType.Metric.value, number_value=number)
        return self.makes(task, metric, key=f"key of {name}", **fields)

    def takes(self, task: Task, artifact: Artifact, key: str) -> None:
        """Let a task take an artifact that is kept elsewhere."""
        self.records.append(a_link(task, artifact, key=key, type=USED))


def a_history(**fields: Any) -> History:
    """A run without tasks."""
    return History(a_run(**fields))


def started_with(**parameters: Any) -> History:
    """A run that was started with parameters."""
    return a_history(runtime_config=json.dumps({"parameters": parameters}))


async def compared(served: Served, *histories: History, shared: tuple[Artifact, ...] = (), **fields: Any) -> Any:
    """Keep runs and compare them."""
    await keep(served.store, *shared, *(history.run for history in histories))
    await keep(served.store, *(record for history in histories for record in history.records))
    return await served.api.CompareRuns(run_ids=[history.run.id for history in histories], **fields)


def texts(rows: Any) -> dict[str, list[str | None]]:
    """The texts of the cells by key, None for those that are not set."""
    return {row.key: [cell.text if cell.set else None for cell in row.cells] for row in rows}


def numbers(rows: Any) -> dict[str, list[float | None]]:
    """The numbers of the cells by key."""
    return {row.key: [cell.number if cell.HasField("number") else None for cell in row.cells] for row in rows}


def links_to(rows: Any) -> dict[str, list[str]]:
    """The refs of the cells by key."""
    return {row.key: [cell.ref for cell in row.cells] for row in rows}


def names(rows: Any) -> list[tuple[str, str, str, int]]:
    """What the keys of rows consist of."""
    return [(row.name, row.task, row.iteration, row.number) for row in rows]


def differing(rows: Any) -> list[str]:
    """The keys of the rows that differ."""
    return [row.key for row in rows if row.differs]


async def test_runs_come_in_the_order_asked_for(served: Served) -> None:
    histories = [a_history(display_name=name, state="FAILED") for name in "bca"]
    found = await compared(served, *histories)
    assert [run.ref for run in found.runs] == [f"run/{history.run.id}" for history in histories]
    assert [(run.name, run.type, run.state) for run in found.runs] == [(name, "Run", "FAILED") for name in "bca"]


async def test_parameters_are_compared_by_value_and_type(served: Served) -> None:
    found = await compared(
        served,
        started_with(lr=0.1, n=1, name="a", flag=True, items=[1, 2], same={"a": 1, "b": None}, only=1, none=None),
        started_with(lr=0.2, n="1", name="a", flag="true", items=[2, 1], same={"b": None, "a": 1}, none=None),
    )
    assert texts(found.params) == {
        "flag": ["true", "true"],
        "items": ["[1,2]", "[2,1]"],
        "lr": ["0.1", "0.2"],
        "n": ["1", "1"],
        "name": ["a", "a"],
        "none": ["null", "null"],
        "only": ["1", None],
        "same": ['{"a":1,"b":null}', '{"b":null,"a":1}'],
    }
    assert numbers(found.params)["lr"] == [0.1, 0.2]
    assert numbers(found.params)["n"] == [1.0, None]
    assert numbers(found.params)["flag"] == [None, None]
    assert differing(found.params) == ["flag", "items", "lr", "n", "only"]


async def test_defaults_are_those_of_the_root_task_and_give_way_to_what_was_given(served: Served) -> None:
    inputs = [
        {"parameterKey": "lr", "value": 0.5, "type": "COMPONENT_DEFAULT_INPUT"},
        {"parameterKey": "n", "value": 3},
        {"parameterKey": "absent"},
        {"value": 7},
    ]
    given, default = started_with(lr=0.1), a_history()
    for history in (given, default):
        history.task("ROOT", type=TaskType.ROOT.value, input_parameters=json.dumps(inputs))
        history.task("train", input_parameters=json.dumps([{"parameterKey": "inner", "value": 1}]))
    found = await compared(served, given, default)
    assert texts(found.params) == {"lr": ["0.1", "0.5"], "n": ["3", "3"]}


async def test_only_differences_are_shown_if_that_is_asked_for(served: Served) -> None:
    one, two = started_with(a=1, b=2), started_with(a=1, b=3)
    data = an_artifact(name="data", **with_uri("s3://data"))
    for history, loss in ((one, 0.25), (two, 0.5)):
        train = history.task("train")
        history.measures(train, "accuracy", 0.9)
        history.measures(train, "loss", loss)
        history.takes(train, data, "data")
    whole = await compared(served, one, two, shared=(data,))
    ids = [one.run.id, two.run.id]
    differences = await served.api.CompareRuns(run_ids=ids, only_differences=True)
    assert [row.key for row in whole.params] == ["a", "b"]
    assert [row.key for row in differences.params] == ["b"]
    assert numbers(whole.metrics) == {"accuracy": [0.9, 0.9], "loss": [0.25, 0.5]}
    assert numbers(differences.metrics) == {"loss": [0.25, 0.5]}
    assert texts(whole.inputs) == {"data": ["s3://data", "s3://data"]}
    assert list(differences.inputs) == []
    assert len(differences.runs) == 2


async def test_metrics_are_numbers_that_tasks_made_and_groups_repeat_them(served: Served) -> None:
    one, two = a_history(), a_history()
    train = one.task("train")
    metric = one.measures(train, "accuracy", 0.9)
    one.records.append(a_link(one.task("ROOT", type=TaskType.ROOT.value), metric, key="train-accuracy"))
    none = one.measures(train, "none", None)
    two.measures(two.task("ROOT", type=TaskType.ROOT.value), "accuracy", 0.8)
    group = one.task("dag", type=TaskType.DAG.value)
    model = one.makes(group, an_artifact(name="model"), "repeated")
    one.records.append(a_link(train, model, key="model"))
    found = await compared(served, one, two)
    assert numbers(found.metrics) == {"accuracy": [0.9, 0.8]}
    assert links_to(found.metrics)["accuracy"][0] == f"artifact/{metric.id}"
    assert links_to(found.outputs) == {
        "key of none": [f"artifact/{none.id}", ""],
        "model": [f"artifact/{model.id}", ""],
    }


async def test_metrics_of_cached_tasks_count_as_those_of_their_run(served: Served) -> None:
    one, two = a_history(), a_history()
    metric = one.measures(one.task("train"), "accuracy", 0.9)
    two.records.append(a_link(two.task("train", state=TaskState.CACHED.value), metric))
    found = await compared(served, one, two)
    assert numbers(found.metrics) == {"accuracy": [0.9, 0.9]}
    assert differing(found.metrics) == []


async def test_a_name_in_several_tasks_is_qualified_by_them_in_all_runs(served: Served) -> None:
    one, two = a_history(), a_history()
    one.measures(one.task("train"), "accuracy", 0.9)
    one.measures(one.task("test"), "accuracy", 0.8)
    one.measures(one.task("train"), "loss", 0.5)
    one.measures(one.task("fit"), "score", 1.0, iteration=4)
    one.measures(one.task("grow"), "score", 2.0)
    two.measures(two.task("test"), "accuracy", 0.7)
    two.measures(two.task("fit"), "loss", 0.25)
    found = await compared(served, one, two)
    assert numbers(found.metrics) == {
        "fit.score": [1.0, None],
        "grow.score": [2.0, None],
        "loss": [0.5, 0.25],
        "test.accuracy": [0.8, 0.7],
        "train.accuracy": [0.9, None],
    }
    assert names(found.metrics)[1:3] == [("score", "grow", "", 0), ("loss", "", "", 0)]


async def test_a_name_in_several_iterations_is_qualified_by_them(served: Served) -> None:
    one, two = a_history(), a_history()
    for history in (one, two):
        loop = history.task("loop", type=TaskType.LOOP.value)
        for outer in range(2):
            attributes = json.dumps({"iterationIndex": str(outer)})
            group = history.task("loop", type=TaskType.DAG.value, parent_task_id=loop.id, type_attributes=attributes)
            for inner in range(2 if history is one else 1):
                own = json.dumps({"iterationIndex": str(inner)})
                train = history.task("train", parent_task_id=group.id, type_attributes=own)
                history.measures(train, "accuracy", outer + inner / 10)
    collect = one.task("collect")
    for iteration in range(2):
        one.measures(collect, "score", float(iteration), iteration=iteration)
    found = await compared(served, one, two)
    assert numbers(found.metrics) == {
        "collect[0].score": [0.0, None],
        "collect[1].score": [1.0, None],
        "train[0][0].accuracy": [0.0, 0.0],
        "train[0][1].accuracy": [0.1, None],
        "train[1][0].accuracy": [1.0, 1.0],
        "train[1][1].accuracy": [1.1, None],
    }
    assert names(found.metrics)[1:3] == [("score", "collect", "[1]", 0), ("accuracy", "train", "[0][0]", 0)]


async def test_what_has_no_other_name_is_numbered(served: Served) -> None:
    one, two = a_history(), a_history()
    train = one.task("train")
    for number in range(3):
        metric = an_artifact(name="accuracy", type=ArtifactType.Metric.value, number_value=float(number))
        one.makes(train, metric, key=f"k{number}")
    two.measures(two.task("train"), "accuracy", 9.0)
    found = await compared(served, one, two)
    assert numbers(found.metrics) == {
        "train.accuracy": [0.0, 9.0],
        "train.accuracy (2)": [1.0, None],
        "train.accuracy (3)": [2.0, None],
    }
    assert [number for *_, number in names(found.metrics)] == [0, 2, 3]


async def test_names_with_dots_are_told_from_those_of_tasks(served: Served) -> None:
    found = await compared(served, *(started_with(**{"train.lr": 1, "lr (2)": 2}) for _ in range(2)))
    assert names(found.params) == [("lr (2)", "", "", 0), ("train.lr", "", "", 0)]


async def test_inputs_come_from_elsewhere_and_outputs_are_made(served: Served) -> None:
    one, two = a_history(), a_history()
    data = an_artifact(name="data", **with_uri("s3://data"))
    other = an_artifact(name="data", **with_uri("s3://other"))
    imported = an_artifact(name="imported", **with_uri("s3://imported"))
    unused = an_artifact(name="unused", **with_uri("s3://unused"))
    for history, source in ((one, data), (two, other)):
        split, train = history.task("split"), history.task("train")
        history.takes(split, source, "raw")
        between = history.makes(split, an_artifact(name="between", **with_uri(f"s3://{history.run.id}")), "table")
        history.takes(train, between, "table")
        history.makes(train, an_artifact(name="model", **with_uri("s3://model")), "model")
    importer = one.task("importer", type=TaskType.IMPORTER.value)
    one.makes(importer, imported, "artifact")
    one.makes(importer, unused, "artifact", iteration=1)
    one.takes(one.task("evaluate"), imported, "reference")
    found = await compared(served, one, two, shared=(data, other))
    assert texts(found.inputs) == {
        "artifact": ["s3://unused", None],
        "raw": ["s3://data", "s3://other"],
        "reference": ["s3://imported", None],
    }
    assert links_to(found.inputs)["raw"] == [f"artifact/{data.id}", f"artifact/{other.id}"]
    assert texts(found.outputs) == {
        "model": ["s3://model", "s3://model"],
        "table": [f"s3://{one.run.id}", f"s3://{two.run.id}"],
    }
    assert differing(found.outputs) == ["model", "table"]  # they are two artifacts, though at one uri
    assert len(found.metrics) == 0


async def test_of_many_runs_only_numbers_are_compared(served: Served) -> None:
    histories = [started_with(lr=number / 10, name="x", mixed=1 if number else "one") for number in range(21)]
    for number, history in enumerate(histories):
        train = history.task("train")
        history.measures(train, "accuracy", float(number))
        history.makes(train, an_artifact(name="model"), "model")
    found = await compared(served, *histories)
    assert [row.key for row in found.params] == ["lr", "mixed"]
    assert texts(found.params)["mixed"] == ["", *["1"] * 20]
    assert numbers(found.metrics) == {"accuracy": [float(number) for number in range(21)]}
    assert (len(found.inputs), len(found.outputs)) == (0, 0)
    ids = [history.run.id for history in histories[:ALL_RUNS_MAX]]
    found = await served.api.CompareRuns(run_ids=ids)
    assert [row.key for row in found.params] == ["lr", "mixed", "name"]
    assert [row.key for row in found.outputs] == ["model"]


async def test_not_a_number_is_equal_to_itself(store: SqlStore) -> None:
    cells = [rows.Cell(repr(math.nan), number=math.nan) for _ in range(2)]
    assert not rows.Row("loss", cells).differs
    assert rows.Row("loss", [cells[0], None]).differs


async def test_the_largest_number_of_runs_takes_a_bounded_number_of_statements(served: Served) -> None:
    histories = [started_with(lr=float(number)) for number in range(RUNS_MAX)]
    for history in histories:
        history.measures(history.task("train"), "accuracy", 0.5)
    await keep(served.store, *(history.run for history in histories))
    await keep(served.store, *(record for history in histories for record in history.records))
    asked = compare.Asked([history.run.id for history in histories], None, None, lambda size: None)
    with statements(served.store) as log:
        found = await served.store.read(lambda tx: compare.compare(tx, asked))
    assert len(found.metrics[0].cells) == RUNS_MAX
    assert len(log) < 50


async def test_bad_requests_are_refused_and_told_why(served: Served) -> None:
    history, other = a_history(), a_history()
    await compared(served, history, other)
    known, unknown = history.run.id, new_id()
    for run_ids, expected in (
        ([], "INVALID_ARGUMENT"),
        ([known], "INVALID_ARGUMENT"),
        ([known, known], "INVALID_ARGUMENT"),
        ([known, *(new_id() for _ in range(RUNS_MAX))], "INVALID_ARGUMENT"),
        ([known, unknown], "NOT_FOUND"),
        ([known, ""], "NOT_FOUND"),
        ([known, "\x00"], "NOT_FOUND"),
        ([known, "x" * 5_000], "NOT_FOUND"),
    ):
        assert await code(served.api.CompareRuns(run_ids=run_ids)) == expected
    refused = await refusal(served.api.CompareRuns(run_ids=[known, unknown, new_id()]))
    assert unknown in refused.message
    refused = await refusal(served.api.CompareRuns(run_ids=[known, other.run.id, known]))
    assert "twice" in refused.message


async def test_runs_with_more_than_can_be_compared_are_refused(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = started_with(a=1, b=2), started_with(a=1)
    train = one.task("train")
    for number in range(3):
        one.measures(train, f"m{number}", 1.0)
    await compared(served, one, two)
    ids = [one.run.id, two.run.id]
    limits = {"LINKS_MAX": (compare, 2, 3), "SETTINGS_CHARACTERS": (compare, 55, 56), "CELLS_MAX": (rows, 5, 6)}
    for name, (module, too_low, enough) in limits.items():
        with monkeypatch.context() as patch:
            patch.setattr(module, name, too_low)
            refused = await refusal(served.api.CompareRuns(run_ids=ids))
            assert (refused.code, "compare fewer" in refused.message) == ("RESOURCE_EXHAUSTED", True), name
            patch.setattr(module, name, enough)
            assert await code(served.api.CompareRuns(run_ids=ids)) == "OK", name


async def test_large_runs_are_compared_elsewhere_with_the_same_answer(
    served: Served, helped: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = started_with(lr=1.0), started_with(lr=2.0)
    for history in (one, two):
        train = history.task("train")
        for number in range(4):
            history.measures(train, f"m{number}", float(number))
    here = await compared(served, one, two)
    assert helped == []
    monkeypatch.setattr("server.apis.lineal.compare._LINKS_PER_ROW", 7 / 200)
    ids = [one.run.id, two.run.id]
    assert await served.api.CompareRuns(run_ids=ids) == here
    assert helped == ["compare_runs"]


async def test_large_parameters_are_compared_elsewhere(served: Served, helped: list[str]) -> None:
    found = await compared(served, started_with(text="x" * 300_000), started_with(text="y"))
    assert [len(cell.text) for cell in found.params[0].cells] == [300_000, 1]
    assert helped == ["compare_runs"]


async def test_a_comparison_over_rest(served: Served) -> None:
    one, two = started_with(lr=0.1), started_with(lr=0.2)
    await compared(served, one, two)
    path = f"/apis/lineal/v1/runs:compare?run_ids={one.run.id}&run_ids={two.run.id}&only_differences=true"
    answer = await ask(served.rest, "GET", path)
    assert answer.status == 200
    [row] = answer.json["params"]
    assert (row["key"], row["differs"]) == ("lr", True)
    assert [cell["number"] for cell in row["cells"]] == [0.1, 0.2]
    bad = await ask(served.rest, "GET", f"/apis/lineal/v1/runs:compare?run_ids={one.run.id}&run_ids={new_id()}")
    assert (bad.status, bad.reason) == (404, "NOT_FOUND")
    assert (await ask(served.rest, "GET", "/apis/lineal/v1/runs:compare")).status == 400
