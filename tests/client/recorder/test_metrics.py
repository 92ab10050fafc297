"""Metrics: one artifact per name and task, with all its values."""

import math

import pytest

from tests.client.recorder.recorded import Recorder, artifacts, metadata

pytestmark = pytest.mark.one_database


def series_of(recorder: Recorder, run_id: str, name: str = "loss") -> list[tuple[int, object]]:
    [artifact] = artifacts(recorder.read(run_id).task("fit").outputs)[name]
    return [(point["step"], point["value"]) for point in metadata(artifact)["series"]]


def test_values_of_one_name_are_one_artifact(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        for step in (0, 10, 20):
            task.log_metric("loss", 1 / (step + 1), step=step)
        task.log_metric("accuracy", 0.9)
    outputs = artifacts(recorder.read(run).task("fit").outputs)
    assert {name: len(found) for name, found in outputs.items()} == {"loss": 1, "accuracy": 1}
    assert outputs["loss"][0].number_value == 1 / 21
    assert series_of(recorder, run.id) == [(0, 1), (10, 1 / 11), (20, 1 / 21)]


def test_steps_are_counted_where_none_are_given(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        task.log_metric("loss", 3)
        task.log_metric("loss", 2, step=5)
        task.log_metric("loss", 1)
    assert series_of(recorder, run.id) == [(0, 3), (5, 2), (6, 1)]


def test_nan_and_infinities_are_words_and_the_number_is_the_last_finite_one(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        for value in (0.5, math.nan, math.inf, -math.inf):
            task.log_metric("loss", value)
    assert [value for _, value in series_of(recorder, run.id)] == [0.5, "NaN", "Infinity", "-Infinity"]
    assert artifacts(recorder.read(run).task("fit").outputs)["loss"][0].number_value == 0.5


def test_a_metric_that_was_never_finite_is_0(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        task.log_metric("loss", math.nan)
    assert artifacts(recorder.read(run).task("fit").outputs)["loss"][0].number_value == 0


def test_the_same_name_in_another_task_is_another_metric(recorder: Recorder) -> None:
    with recorder.run() as run:
        for name in ("fit", "check"):
            with run.task(name) as task:
                task.log_metric("loss", 1)
    recorded = recorder.read(run)
    ids = {artifacts(recorded.task(name).outputs)["loss"][0].artifact_id for name in ("fit", "check")}
    assert len(ids) == 2


def test_scalars_of_numeric_libraries_are_numbers(recorder: Recorder) -> None:
    numpy = pytest.importorskip("numpy")
    with recorder.run(parameters={"lr": numpy.float32(0.5)}) as run, run.task("fit") as task:
        task.log_metric("loss", numpy.float64(0.25), step=numpy.int64(3))
        task.output("rows", numpy.int32(7))
        task.output("is good", numpy.bool_(True))
    assert series_of(recorder, run.id) == [(3, 0.25)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("loss", "0.5"), TypeError, "value: must be a number, not str"),
        (("loss", True), TypeError, "value: must be a number, not bool"),
        (("loss", 10**400), ValueError, "value: the number is too large"),
        (("loss", 0.5, 1.5), TypeError, "step: must be a whole number, not float"),
        (("loss", 0.5, 2**60), ValueError, "step: must be between"),
        (("", 0.5), ValueError, "name: must not be empty"),
        (("x" * 129, 0.5), ValueError, "name: is longer than 128 characters"),
    ],
)
def test_what_is_no_metric_is_refused(
    recorder: Recorder, arguments: tuple[str, float, int | None], error: type, message: str
) -> None:
    name, value, *step = arguments
    with recorder.run() as run, run.task("fit") as task, pytest.raises(error, match=message):
        task.log_metric(name, value, step=step[0] if step else None)
    assert not recorder.read(run).task("fit").outputs.artifacts
