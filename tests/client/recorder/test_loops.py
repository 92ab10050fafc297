"""Loops: iterations, their items, and where the tasks in them belong."""

import asyncio
import contextlib
import threading

import pytest

from tests.client.recorder.recorded import Recorder, artifacts, parameter_types, parameters, state_of, type_of

pytestmark = pytest.mark.one_database


def test_tasks_in_a_loop_belong_to_the_iteration_of_their_item(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", [2, 4, 8]) as loop:
        for depth in loop:
            with loop.task("train", inputs={"depth": depth, "seed": 7}) as task, run.task("check"):
                task.output("score", depth / 10)
    recorded = recorder.read(run)
    loop_task, tasks = recorded.task("tune"), recorded.all("train")
    assert (type_of(loop_task), loop_task.type_attributes.iteration_count) == ("LOOP", 3)
    assert [task.type_attributes.iteration_index for task in tasks] == [0, 1, 2]
    assert [parameters(task.inputs) for task in tasks] == [{"depth": depth, "seed": 7} for depth in (2, 4, 8)]
    assert parameter_types(tasks[0].inputs) == {"depth": "ITERATOR_INPUT", "seed": "RUNTIME_VALUE_INPUT"}
    assert parameter_types(tasks[0].outputs) == {"score": "ITERATOR_OUTPUT"}
    assert [task.type_attributes.iteration_index for task in recorded.all("check")] == [0, 1, 2]


def test_an_input_from_an_item_names_loop_and_iteration(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", [{"depth": 2}, {"depth": 4}]) as loop:
        for item in loop:
            with loop.task("train", inputs={"depth": item["depth"]}):
                pass
    producers = [task.inputs.parameters[0].producer for task in recorder.read(run).all("train")]
    assert [(each.task_name, each.iteration) for each in producers] == [("tune", 0), ("tune", 1)]


def test_items_are_inputs_of_the_loop(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", ("a", object(), "c")) as loop:
        for _ in loop:
            with loop.task("train"):
                pass
    entries = recorder.read(run).task("tune").inputs.parameters
    assert [(each.value.string_value, each.producer.iteration) for each in entries] == [("a", 0), ("c", 2)]


def test_a_loop_over_an_iterator_has_its_count_at_the_end(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", iter("ab")) as loop:
        for _ in loop:
            with loop.task("train"):
                pass
    assert recorder.read(run).task("tune").type_attributes.iteration_count == 2


def test_a_loop_over_nothing_is_skipped(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", []) as loop:
        for _ in loop:
            pass
    recorded = recorder.read(run)
    assert (recorded.states()["tune"], recorded.state) == ("SKIPPED", "SUCCEEDED")


def test_loops_within_loops_have_iterations_of_their_own(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("folds", range(2)) as folds:
        for _ in folds:
            with run.loop("depths", [2, 4]) as depths:
                for _ in depths:
                    with run.task("train"):
                        pass
    recorded = recorder.read(run)
    inner = [task.type_attributes for task in recorded.all("depths")]
    assert [(each.iteration_index, each.iteration_count) for each in inner] == [(0, 2), (1, 2)]
    assert [task.type_attributes.iteration_index for task in recorded.all("train")] == [0, 1, 0, 1]


def test_iterations_in_threads_say_which_they_are(recorder: Recorder) -> None:
    def train(number: int) -> None:
        with loop.task("train", inputs={"depth": depths[number]}, iteration=number) as task:
            task.log_metric("accuracy", number)

    depths = [2, 4, 8]
    with recorder.run() as run, run.loop("tune", depths) as loop:
        threads = [threading.Thread(target=train, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = {task.type_attributes.iteration_index: task for task in recorder.read(run).all("train")}
    assert {number: parameters(task.inputs)["depth"] for number, task in recorded.items()} == {0: 2, 1: 4, 2: 8}
    assert {parameter_types(task.inputs)["depth"] for task in recorded.values()} == {"ITERATOR_INPUT"}


async def test_asyncio_tasks_keep_the_item_at_which_they_were_made(recorder: Recorder) -> None:
    async def train(depth: int) -> None:
        await asyncio.sleep(0.001)
        with loop.task("train", inputs={"depth": depth}):
            pass

    with recorder.run() as run, run.loop("tune", [2, 4]) as loop:
        await asyncio.gather(*[asyncio.create_task(train(depth)) for depth in loop])
    recorded = recorder.read(run).all("train")
    found = {(task.type_attributes.iteration_index, parameters(task.inputs)["depth"]) for task in recorded}
    assert found == {(0, 2), (1, 4)}


def test_a_task_in_a_loop_that_is_at_no_item_needs_an_iteration(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune") as loop:
        with pytest.raises(ValueError, match="task 'train' is in loop 'tune', which is not at an item here"):
            loop.task("train")
        with loop.task("train", iteration=4):
            pass
        with pytest.raises(ValueError, match="iteration: must be at least 0"):
            loop.task("train", iteration=-1)
    assert recorder.read(run).task("tune").type_attributes.iteration_count == 5


def test_only_tasks_in_loops_have_iterations(recorder: Recorder) -> None:
    with recorder.run() as run, pytest.raises(ValueError, match="iteration: 'ROOT' is not a loop"):
        run.task("train", iteration=0)


def test_a_loop_is_iterated_over_once_after_it_has_begun(recorder: Recorder) -> None:
    with recorder.run() as run:
        with pytest.raises(RuntimeError, match="loop 'tune' has not begun"):
            iter(run.loop("tune", [1]))
        with run.loop("tune", [1]) as loop:
            list(loop)
            with pytest.raises(RuntimeError, match="was iterated over before"):
                iter(loop)


def test_a_failed_iteration_fails_the_loop_and_is_named(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", [2, 4, 8]) as loop:
        for depth in loop:
            with contextlib.suppress(ZeroDivisionError), loop.task("train") as task:
                task.output("share", 1 / (depth - 4))
    recorded = recorder.read(run)
    assert [state_of(task) for task in recorded.all("train")] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    assert recorded.message("tune") == "task 'train', iteration 1, failed: ZeroDivisionError: division by zero"


def test_outputs_of_iterations_are_told_apart(recorder: Recorder) -> None:
    with recorder.run() as run, run.loop("tune", [2, 4]) as loop:
        for depth in loop:
            with loop.task("train") as task:
                task.log_artifact("model", f"s3://m/{depth}", type="Model")
                task.log_metric("accuracy", depth / 10)
    tasks = recorder.read(run).all("train")
    iterations = [[group.producer.iteration for group in task.outputs.artifacts] for task in tasks]
    assert iterations == [[0, 0], [1, 1]]
    assert [artifacts(task.outputs)["model"][0].uri for task in tasks] == ["s3://m/2", "s3://m/4"]
