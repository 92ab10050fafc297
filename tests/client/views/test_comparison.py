"""Runs side by side as a data frame."""

import lineal
import pandas
import pytest
from lineal.comparison import frame_of_comparison
from lineal.v1.lineage_pb2 import RunComparison

from tests.faults.cluster import Server


def kinds(frame: pandas.DataFrame) -> list[str]:
    return frame.index.get_level_values("kind").tolist()


def test_runs_are_columns_and_what_differs_comes_first(demo, runs):
    ids = [runs[name].run_id for name in ("churn 12", "churn 4", "churn 11")]
    frame = lineal.compare(ids, client=demo)
    assert list(frame.columns) == ids
    assert frame.loc["run"].loc["name"].values.tolist() == [["churn 12", "churn 4", "churn 11"]]
    answer = demo.compare_runs(run_ids=ids)
    rows = [row for rows in (answer.params, answer.metrics, answer.inputs, answer.outputs) for row in rows]
    names = frame.index.get_level_values("name").tolist()
    assert names[2:] == [row.name for row in rows if row.differs] + [row.name for row in rows if not row.differs]
    assert names[2:] != [row.name for row in rows]
    assert {"run", "param", "metric", "input", "output"} == set(kinds(frame))


def test_numbers_are_numbers(demo, runs):
    frame = lineal.compare([runs["churn 4"], runs["churn 12"]], client=demo)
    assert frame.loc["param"].xs("learning_rate", level="name").to_numpy().tolist() == [[0.05, 0.1]]
    [[trees, _]] = frame.loc["param"].xs("trees", level="name").to_numpy().tolist()
    assert (trees, type(trees)) == (400, int)
    metrics = frame.loc["metric"].astype(float)
    assert metrics.xs("auc", level="name")[runs["churn 12"].run_id].tolist() == [0.714]
    assert metrics[runs["churn 4"].run_id].isna().any()


def test_iterations_are_rows_of_their_own(demo, runs):
    frame = lineal.compare([runs["churn 4"], runs["churn 12"]], client=demo)
    rows = frame.loc["metric"].xs("auc_validation", level="name")
    assert rows.index.tolist() == [("train", "[0]"), ("train", "[1]"), ("train", "[2]")]
    assert rows.iloc[2].tolist() == [None, 0.706]


def test_only_what_differs_is_shown_if_that_is_asked_for(demo, runs):
    both = [runs["churn 4"], runs["churn 12"]]
    whole, differing = (lineal.compare(both, client=demo, only_differences=only) for only in (False, True))
    assert len(differing) < len(whole)
    assert "auc_required" not in differing.index.get_level_values("name")


def test_without_a_client_one_is_made_from_the_environment(demo_server: Server, runs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LINEAL_SERVER", demo_server.grpc)
    assert len(lineal.compare([runs["churn 4"].run_id, runs["churn 12"].run_id])) > 10


def test_of_many_runs_numbers_are_compared(demo, runs):
    names = [name for name in runs if name.startswith("customers night")]
    others = [name for name in runs if name.startswith("churn")]
    frame = lineal.compare([runs[name] for name in [*names, *others][:25]], client=demo)
    assert frame.shape[1] == 25
    assert set(kinds(frame)) == {"run", "param", "metric"}
    assert not frame.loc["metric"].astype(float).isna().all(axis=None)


def test_several_artifacts_of_one_name_are_numbered():
    answer = RunComparison()
    for run in ("a", "b"):
        answer.runs.add(ref=f"run/{run}", name=run)
    for number in (0, 2):
        row = answer.metrics.add(key="x", name="auc", task="train", iteration="[1]", number=number, differs=True)
        row.cells.add(set=True, number=0.5, text="0.5")
        row.cells.add()
    frame = frame_of_comparison(answer)
    assert frame.index.tolist()[2:] == [("metric", "auc", "train", "[1]"), ("metric", "auc (2)", "train", "[1]")]
    assert frame.iloc[2].tolist() == [0.5, None]


@pytest.mark.parametrize(
    ("text", "number", "value"),
    [("5", 5.0, 5), ("5.0", 5.0, 5.0), ("1e3", 1000.0, 1000.0), ("", 2.0, 2.0), ("9007199254740993", 2.0**53, 2.0**53)],
)
def test_a_number_is_as_it_was_written(text, number, value):
    answer = RunComparison(runs=[{"ref": "run/a"}])
    answer.params.add(name="x").cells.add(set=True, number=number, text=text)
    [cell] = frame_of_comparison(answer).iloc[2].tolist()
    assert (cell, type(cell)) == (value, type(value))


def test_an_artifact_without_uri_is_its_ref():
    answer = RunComparison(runs=[{"ref": "run/a"}])
    answer.outputs.add(name="x").cells.add(set=True, ref="artifact/1")
    assert frame_of_comparison(answer).iloc[2].tolist() == ["artifact/1"]


def test_runs_that_do_not_exist_are_refused(demo, runs):
    with pytest.raises(lineal.errors.NotFound, match="nobody"):
        lineal.compare([runs["churn 4"], "nobody"], client=demo)
