"""Tasks: groups, states that follow from those of the tasks within, failures, threads and asyncio tasks."""

import asyncio
import contextlib
import contextvars
import threading

import lineal
import pytest

from tests.client.recorder.recorded import Recorder, artifacts, metadata, parameter_types, parameters, type_of

pytestmark = pytest.mark.one_database


def test_a_task_within_another_one_makes_that_a_group(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        with task.task("read"), run.task("check"):
            pass
        with run.task("write"):
            pass
    recorded = recorder.read(run)
    assert (recorded.children("ROOT"), recorded.children("fit")) == (["fit"], ["read", "write"])
    assert recorded.children("read") == ["check"]
    types = {task.name: type_of(task) for task in recorded.tasks}
    assert types == {"ROOT": "ROOT", "fit": "DAG", "read": "DAG", "check": "RUNTIME", "write": "RUNTIME"}


def test_inputs_and_outputs_are_parameters(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit", inputs={"depth": 4, "on": None}, display_name="Fit it") as task:
        task.output("rows", 1)
        task.output("rows", 123)
        task.output("best", [1, {"a": "é"}])
    fit = recorder.read(run).task("fit")
    assert parameters(fit.inputs) == {"depth": 4, "on": None}
    assert parameters(fit.outputs) == {"rows": 123, "best": [1, {"a": "é"}]}
    assert set(parameter_types(fit.inputs).values()) == {"RUNTIME_VALUE_INPUT"}
    assert (fit.display_name, task.id, dict(task.outputs)["rows"]) == ("Fit it", fit.task_id, 123)


def test_artifacts_are_outputs_of_their_task(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("fit") as task:
        model = task.log_artifact("model", "s3://m/1", type="Model", metadata={"depth": 4}, description="the best")
        curve = task.log_artifact("roc", type="ClassificationMetric", metadata={"confidenceMetrics": []})
    outputs = artifacts(recorder.read(run).task("fit").outputs)
    [recorded] = outputs["model"]
    assert (recorded.artifact_id, recorded.uri, recorded.description) == (model.id, "s3://m/1", "the best")
    assert metadata(recorded) == {"depth": 4}
    assert outputs["roc"][0].artifact_id == curve.id


def test_times_are_those_of_the_process_and_in_the_order_of_what_happened(recorder: Recorder) -> None:
    with recorder.run() as run:
        for number in range(20):
            with run.task(f"step {number}"):
                pass
    recorded = recorder.read(run)
    assert recorded.children("ROOT") == [f"step {number}" for number in range(20)]
    moments = [moment.ToMicroseconds() for task in recorded.tasks[1:] for moment in (task.create_time, task.end_time)]
    assert moments == sorted(set(moments))


def test_a_failed_task_fails_those_around_it_though_its_exception_is_caught(recorder: Recorder) -> None:
    with recorder.run() as run, run.group("prepare"):
        with pytest.raises(KeyError), run.task("read"):
            raise KeyError("column")
        with run.task("write"):
            pass
    recorded = recorder.read(run)
    assert recorded.states() == {"ROOT": "FAILED", "prepare": "FAILED", "read": "FAILED", "write": "SUCCEEDED"}
    assert recorded.message("read") == "KeyError: 'column'"
    assert recorded.message("prepare") == "task 'read' failed: KeyError: 'column'"
    assert recorded.message("ROOT") == "task 'prepare' failed: task 'read' failed: KeyError: 'column'"
    assert recorded.state == "FAILED"


def test_a_group_is_told_which_task_failed_when_the_exception_goes_through_it(recorder: Recorder) -> None:
    with pytest.raises(OSError, match="disk"), recorder.run() as run, run.group("prepare"), run.task("read"):
        raise OSError("disk")
    recorded = recorder.read(run)
    assert recorded.message("prepare") == "task 'read' failed: OSError: disk"
    assert "Traceback" not in recorded.task("prepare").status_metadata.message


def test_an_exception_of_a_group_itself_is_told_in_full(recorder: Recorder) -> None:
    def prepare() -> None:
        with contextlib.suppress(OSError), run.task("read"):
            raise OSError("disk")
        raise RuntimeError("no table")

    with pytest.raises(RuntimeError), recorder.run() as run, run.group("prepare"):
        prepare()
    assert recorder.read(run).message("prepare") == "RuntimeError: no table"


def test_a_task_can_fail_without_an_exception(recorder: Recorder) -> None:
    with recorder.run() as run, run.task("publish") as task:
        task.fail("the registry refused the model")
    recorded = recorder.read(run)
    assert recorded.task("publish").status_metadata.message == "the registry refused the model"
    assert recorded.state == "FAILED"


def test_an_empty_group_has_succeeded(recorder: Recorder) -> None:
    with recorder.run() as run, run.group("prepare", inputs={"share": 0.5}):
        pass
    recorded = recorder.read(run)
    assert (recorded.states()["prepare"], type_of(recorded.task("prepare"))) == ("SUCCEEDED", "DAG")
    assert parameters(recorded.task("prepare").inputs) == {"share": 0.5}


def test_words_that_no_database_keeps_are_recorded_in_another_form(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="bad"), recorder.run() as run:
        raise ValueError("bad \x00 \udc80")
    assert recorder.read(run).message("ROOT") == "ValueError: bad \\0 \\udc80"


def test_long_words_are_cut(recorder: Recorder) -> None:
    with pytest.raises(ValueError, match="aaa"), recorder.run() as run:
        raise ValueError("a" * 100_000)
    assert len(recorder.read(run).root.status_metadata.message) < 20_000


def test_the_current_task_is_that_of_the_innermost_block(recorder: Recorder) -> None:
    assert (lineal.current_task(), lineal.current_run()) == (None, None)
    with recorder.run() as run:
        assert lineal.current_task() is run.root
        with run.task("fit") as task:
            assert (lineal.current_task(), lineal.current_run()) == (task, run)
        assert lineal.current_task() is run.root
    assert (lineal.current_task(), lineal.current_run()) == (None, None)


def test_a_thread_has_no_current_task_and_records_on_what_it_is_given(recorder: Recorder) -> None:
    def work(number: int) -> None:
        with run.task(f"in root {number}"), task.task(f"in fit {number}") as inner:
            inner.log_metric("accuracy", number)
            seen.append(lineal.current_task() is inner)

    seen: list[bool] = []
    with recorder.run() as run, run.task("fit") as task:
        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = recorder.read(run)
    assert sorted(recorded.children("ROOT")) == sorted(["fit", *(f"in root {number}" for number in range(8))])
    assert sorted(recorded.children("fit")) == sorted(f"in fit {number}" for number in range(8))
    assert seen == [True] * 8


async def test_asyncio_tasks_each_have_their_own_current_task(recorder: Recorder) -> None:
    async def work(number: int) -> None:
        with run.task(f"outer {number}"):
            await asyncio.sleep(0.001 * (number % 3))
            with run.task(f"inner {number}"):
                await asyncio.sleep(0.001)

    with recorder.run() as run, run.group("all"):
        await asyncio.gather(*(work(number) for number in range(6)))
    recorded = recorder.read(run)
    assert sorted(recorded.children("all")) == [f"outer {number}" for number in range(6)]
    assert all(recorded.children(f"outer {number}") == [f"inner {number}"] for number in range(6))


def test_tasks_of_one_name_are_different_tasks(recorder: Recorder) -> None:
    with recorder.run() as run:
        for _ in range(3):
            with run.task("fit"):
                pass
    assert len({task.task_id for task in recorder.read(run).all("fit")}) == 3


def test_a_block_that_is_left_in_another_context_leaves_the_current_task_as_it_was(recorder: Recorder) -> None:
    def steps() -> "list[object]":
        with recorder.run() as run:
            task = run.task("fit")
            contextvars.copy_context().run(task.__enter__)
            task.__exit__(None, None, None)
            return [lineal.current_task(), run.root]

    current, root = steps()
    assert current is None or current is root
