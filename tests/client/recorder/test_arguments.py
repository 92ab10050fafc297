"""What is checked when it is given: nothing of it is recorded."""

from collections.abc import Callable
from typing import Any

import lineal
import pytest
from lineal import errors

from tests.client.recorder.recorded import Recorder

pytestmark = pytest.mark.one_database

Call = Callable[[lineal.Task], Any]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda task: task.output("rows", float("nan")),
            ValueError,
            "output 'rows': nan is not a number that JSON has",
        ),
        (lambda task: task.output("rows", [1, object()]), TypeError, r"output 'rows'\[1\]: object has no form in JSON"),
        (lambda task: task.output("rows", {1: 2}), TypeError, r"output 'rows'\[1\]: a name must be text, not int"),
        (lambda task: task.output("rows", 2**53 + 1), ValueError, "has too many digits"),
        (lambda task: task.output("rows", "a\x00b"), ValueError, "has a NUL character"),
        (lambda task: task.output("rows", "\udc80"), ValueError, "not valid Unicode"),
        (lambda task: task.output("rows", nested(50)), ValueError, "nested too deeply"),
        (lambda task: task.output("x" * 192, 1), ValueError, "name: is longer than 191 characters"),
        (lambda task: task.log_artifact("", "s3://m"), ValueError, "name: must not be empty"),
        (
            lambda task: task.log_artifact("m", "s3://m", type="Modell"),
            ValueError,
            "'Modell' is not a type of artifacts",
        ),
        (lambda task: task.log_artifact("m", "s3://m", type="Metric"), ValueError, "is made by log_metric"),
        (lambda task: task.log_artifact("m", type="ClassificationMetric"), ValueError, "has its figures there"),
        (lambda task: task.log_artifact("m", "x" * 2_049), ValueError, "uri: is longer than 2048 characters"),
        (lambda task: task.log_artifact("m", metadata=[1]), TypeError, "metadata: must be a mapping, not list"),
        (lambda task: task.task("x" * 129), ValueError, "name: is longer than 128 characters"),
        (lambda task: task.task(3), TypeError, "name: must be text, not int"),
        (lambda task: task.task("a", inputs={"b": {1}}), TypeError, r"inputs\['b'\]: set has no form in JSON"),
        (lambda task: task.task("a", version=2), TypeError, "version: must be text, not int"),
        (lambda task: task.loop("a", 3), TypeError, "items: must be iterable, not int"),
        (lambda task: task.fail(""), ValueError, "message: must not be empty"),
    ],
)
def test_what_cannot_be_recorded_is_refused(recorder: Recorder, call: Call, error: type, message: str) -> None:
    with recorder.run() as run, run.task("fit") as task, pytest.raises(error, match=message):
        call(task)
    recorded = recorder.read(run)
    assert recorded.states() == {"ROOT": "SUCCEEDED", "fit": "SUCCEEDED"}
    assert not recorded.task("fit").outputs.parameters
    assert not recorded.task("fit").outputs.artifacts


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": ""}, ValueError, "name: must not be empty"),
        ({"name": "x" * 1_025}, ValueError, "name: is longer than 1024 characters"),
        ({"parameters": {"a": float("inf")}}, ValueError, r"parameters\['a'\]: inf is not a number"),
        ({"parameters": {"": 1}}, ValueError, r"parameters\[''\]: must not be empty"),
        ({"experiment": 3}, TypeError, "experiment: must be text, not int"),
        ({"servr": "x"}, errors.SettingsError, "there is no setting 'servr'"),
        ({"spool_seconds": -1}, errors.SettingsError, "spool_seconds must be at least 0"),
        ({"server": "http://x"}, errors.SettingsError, "is not HOST:PORT"),
        ({"client": 3}, TypeError, "client: must be a lineal.Client, not int"),
        ({"artifact_root": 3}, TypeError, "artifact_root: must be text or a path, not int"),
    ],
)
def test_a_run_with_what_cannot_be_used_is_refused(arguments: dict[str, Any], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        lineal.run(**({"name": "churn"} | arguments))


def test_a_run_can_have_the_settings_of_a_client(recorder: Recorder) -> None:
    with lineal.run("churn", client=recorder.client, spool_dir=str(recorder.spool)) as run:
        pass
    assert recorder.read(run).state == "SUCCEEDED"
    with pytest.raises(TypeError, match="server: cannot be given together with client"):
        lineal.run("churn", client=recorder.client, server=recorder.address)


def test_values_are_recorded_as_they_were_when_they_were_given(recorder: Recorder) -> None:
    settings = {"depths": [1, 2]}
    with recorder.run(parameters=settings) as run:
        settings["depths"].append(3)
    assert len(recorder.read(run).run.runtime_config.parameters["depths"].list_value.values) == 2
