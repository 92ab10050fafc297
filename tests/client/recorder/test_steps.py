"""Functions as steps: arguments, what they return, exceptions, caching, async functions."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import lineal
import pytest

from tests.api.builders import unique
from tests.client.recorder.recorded import Recorder, artifacts, links, parameters

pytestmark = pytest.mark.one_database


def test_arguments_are_inputs_and_what_is_returned_is_an_output(recorder: Recorder) -> None:
    with recorder.run() as run:

        @run.step
        def fit(depth: int, *rates: float, mode: str = "fast", **others: Any) -> dict[str, float]:
            return {"accuracy": depth / 10}

        assert fit(4, 0.1, 0.2, seed=7) == {"accuracy": 0.4}
    task = recorder.read(run).task("fit")
    assert parameters(task.inputs) == {"depth": 4, "rates": [0.1, 0.2], "mode": "fast", "seed": 7}
    assert parameters(task.outputs) == {"return": {"accuracy": 0.4}}


def test_artifacts_among_the_arguments_are_used(recorder: Recorder) -> None:
    with recorder.run() as run:

        @run.step(name="read table")
        def read() -> lineal.LoggedArtifact:
            task = lineal.current_task()
            assert task is not None
            return task.log_artifact("table", "s3://b/t", type="Dataset")

        @run.step
        def fit(data: lineal.LoggedArtifact, others: list[lineal.LoggedArtifact]) -> None:
            assert data.uri == others[0].uri

        table = read()
        fit(table, [table])
    task = recorder.read(run).task("fit")
    assert links(task.inputs) == {
        "data": ("TASK_OUTPUT_INPUT", "read table"),
        "others": ("TASK_OUTPUT_INPUT", "read table"),
    }
    assert (parameters(task.inputs), parameters(task.outputs)) == ({}, {})


def test_what_has_no_form_in_json_is_recorded_by_its_type(recorder: Recorder) -> None:
    class Model:
        pass

    with recorder.run() as run:

        @run.step
        def check(model: Any, path: Path) -> Model:
            return Model()

        assert isinstance(check(Model(), Path("a/b")), Model)
    task = recorder.read(run).task("check")
    assert parameters(task.inputs)["path"] == "a/b"
    assert parameters(task.inputs)["model"].endswith("Model>")
    assert parameters(task.outputs) == {}


def test_an_exception_fails_the_step_and_reaches_the_caller(recorder: Recorder) -> None:
    with recorder.run() as run:

        @run.step
        def fit() -> None:
            raise OSError("disk")

        with pytest.raises(OSError, match="disk"):
            fit()
    assert recorder.read(run).message("fit") == "OSError: disk"


def test_steps_call_steps(recorder: Recorder) -> None:
    with recorder.run() as run:

        @run.step
        def inner() -> int:
            return 1

        @run.step
        def outer() -> int:
            return inner() + inner()

        assert outer() == 2
    assert recorder.read(run).children("outer") == ["inner", "inner"]


async def test_async_functions_can_be_steps(recorder: Recorder) -> None:
    with recorder.run() as run:

        @run.step
        async def fit(depth: int) -> int:
            await asyncio.sleep(0.001)
            return depth

        assert await asyncio.gather(*(fit(depth) for depth in range(4))) == [0, 1, 2, 3]
        assert inspect.iscoroutinefunction(fit)
    assert [parameters(task.outputs)["return"] for task in recorder.read(run).all("fit")] == [0, 1, 2, 3]


def test_a_step_of_the_package_belongs_to_the_run_that_is_open(recorder: Recorder) -> None:
    @lineal.step
    def fit(depth: int) -> int:
        """Fit it."""
        return depth

    assert fit(3) == 3  # an ordinary call
    with recorder.run() as run:
        fit(4)
    assert [parameters(task.inputs) for task in recorder.read(run).all("fit")] == [{"depth": 4}]
    assert (fit.__name__, fit.__doc__) == ("fit", "Fit it.")


def test_methods_can_be_steps(recorder: Recorder) -> None:
    class Trainer:
        @lineal.step
        def fit(self, depth: int) -> int:
            return depth

    with recorder.run() as run:
        assert Trainer().fit(4) == 4
    assert parameters(recorder.read(run).task("fit").inputs) == {"depth": 4}


def test_an_equal_call_of_a_cached_step_is_not_repeated(recorder: Recorder) -> None:
    calls: list[int] = []

    @lineal.step(cache=True, version=unique())
    def fit(depth: int) -> dict[str, Any]:
        calls.append(depth)
        return {"rows": 3, "share": 3.0, "none": None, "list": [1, "é"]}

    returned = []
    for depth in (1, 2, 1):
        with recorder.run() as run:
            returned.append(fit(depth))
    assert (calls, returned[0] == returned[2]) == ([1, 2], True)
    assert [type(value) for value in returned[2].values()] == [int, float, type(None), list]
    assert recorder.read(run).states()["fit"] == "CACHED"


def test_a_cached_step_returns_the_artifacts_it_made(recorder: Recorder) -> None:
    @lineal.step(cache=True, version=unique())
    def read() -> tuple[lineal.LoggedArtifact, int]:
        task = lineal.current_task()
        assert task is not None
        return task.log_artifact("table", "s3://b/t", type="Dataset"), 3

    with recorder.run():
        made, _ = read()
    with recorder.run() as run:
        found, rows = read()
        with run.task("fit", uses=[found]):
            pass
    assert (found.id, rows) == (made.id, 3)
    assert artifacts(recorder.read(run).task("fit").inputs)["table"][0].artifact_id == made.id


async def test_a_cached_async_step_is_not_repeated(recorder: Recorder) -> None:
    calls: list[int] = []

    @lineal.step(cache=True, version=unique())
    async def fit() -> None:
        calls.append(1)

    for _ in range(2):
        with recorder.run():
            assert await fit() is None
    assert calls == [1]


def test_a_cached_step_whose_result_cannot_be_kept_is_repeated(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    @lineal.step(cache=True, version=unique())
    def fit() -> object:
        calls.append(1)
        return object()

    for _ in range(2):
        with recorder.run():
            fit()
    assert len(calls) == 2
    assert "step 'fit' returned object, which has no form in JSON" in caplog.text


def test_a_cached_step_needs_arguments_that_can_be_compared(recorder: Recorder) -> None:
    @lineal.step(cache=True)
    def fit(model: object) -> None:
        raise AssertionError

    with recorder.run(), pytest.raises(TypeError, match="argument 'model' of step 'fit': object has no form in JSON; "):
        fit(object())


def generator() -> Any:
    yield 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((3,), TypeError, "a step must be a function, not int"),
        ((generator,), TypeError, "a step must not be a generator"),
        ((print, "1", False), ValueError, "version and cache_key are for steps with cache=True"),
    ],
)
def test_what_cannot_be_a_step_is_refused(arguments: tuple[Any, ...], error: type, message: str) -> None:
    function, *rest = arguments
    with pytest.raises(error, match=message):
        lineal.step(function, version=rest[0] if rest else None, cache=False)  # type: ignore[call-overload]


def test_wrong_arguments_raise_as_without_a_step(recorder: Recorder) -> None:
    @lineal.step
    def fit(depth: int) -> int:
        return depth

    with recorder.run() as run, pytest.raises(TypeError, match="depth"):
        fit()  # type: ignore[call-arg]
    assert [task.name for task in recorder.read(run).tasks] == ["ROOT"]
