"""Programs that record, run as processes of their own while their server or they themselves are killed; and what they should leave.

    python -m tests.faults.recording_program runs FIRST COUNT TASKS     COUNT runs in as many threads, each with TASKS tasks
    python -m tests.faults.recording_program endless NAME               one run, until the process is killed

LINEAL_* variables say where they record. The second prints `logged NUMBER` for each task, and `kept NUMBER` for those that the server has.
"""

import random
import sys
import threading
import time
from collections import Counter
from itertools import count
from typing import Any

import lineal
from google.protobuf import json_format
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2

State = run_pb2.PipelineTask.TaskState
POINTS = 3
KEEP_EVERY = 7
"""An endless run waits for the server after so many tasks."""

Facts = Counter[tuple[Any, ...]]


def record_run(number: int, tasks: int, seconds: float) -> None:
    """Record a run whose tasks each use the model of the one before, within about so many seconds."""
    chance, model = random.Random(number), None
    with lineal.run(run_name(number), parameters={"number": number}) as run:
        for index in range(tasks):
            time.sleep(chance.uniform(0, 2 * seconds / tasks))
            model = record_task(run, index, model)


def record_task(run: lineal.Run, index: int, used: Any) -> Any:
    """Record one task and return its model."""
    with run.task(task_name(index), inputs={"index": index}, uses={"used": used} if used else None) as task:
        for step in range(POINTS):
            task.log_metric("loss", index + step / 8, step=step)
        task.output("double", 2 * index)
        return task.log_artifact("model", f"mem://{run.id}/{index}", type="Model", metadata={"index": index})


def run_name(number: int) -> str:
    return f"recorded {number:04}"


def task_name(index: int) -> str:
    return f"task-{index:05}"


def expected_run(name: str, tasks: int) -> Facts:
    """What the server should have of a run of record_run, as `recorded_facts` tells it."""
    facts: Facts = Counter([("run", name, "SUCCEEDED"), ("task", name, "ROOT", "SUCCEEDED")])
    for index in range(tasks):
        facts.update(expected_task(name, index))
    return facts


def expected_task(run: str, index: int, state: str = "SUCCEEDED") -> Facts:
    """What it should have of one of its tasks."""
    name = task_name(index)
    values = tuple(index + step / 8 for step in range(POINTS))
    facts = [
        ("task", run, name, state),
        ("input", run, name, "index", index),
        ("output", run, name, "double", 2 * index),
        ("link", run, name, "OUTPUT", "model", index),
        ("link", run, name, "OUTPUT", "loss", values, values[-1]),
    ]
    if index:
        facts.append(("link", run, name, "TASK_OUTPUT_INPUT", "used", index - 1))
    return Counter(facts)


def recorded_facts(client: lineal.Client, run: run_pb2.Run) -> Facts:
    """What the server has of a run, row by row: a row that is there twice counts twice."""
    name = run.display_name
    facts: Facts = Counter([("run", name, run_pb2.RuntimeState.Name(run.state))])
    names = {}
    for task in client.list_tasks(run.run_id):
        names[task.task_id] = task.name
        facts["task", name, task.name, State.Name(task.state)] += 1
        sides = (("input", task.inputs), ("output", task.outputs)) if task.name != "ROOT" else ()
        facts.update(
            (side, name, task.name, each.parameter_key, each.value.number_value)
            for side, parameters in sides
            for each in parameters.parameters
        )
    artifacts = {each.artifact_id: each for each in artifacts_of(client, run.run_id)}
    for link in client.list_artifact_tasks(run_ids=[run.run_id]):
        type = artifact_pb2.IOType.Name(link.type)
        facts["link", name, names[link.task_id], type, link.key, *content(artifacts[link.artifact_id])] += 1
    return facts


def artifacts_of(client: lineal.Client, run_id: str) -> list[artifact_pb2.Artifact]:
    """The artifacts that the tasks of a run made."""
    full = client.get_run(run_id, view="FULL")
    return [each for task in full.tasks for group in task.outputs.artifacts for each in group.artifacts]


def content(artifact: artifact_pb2.Artifact) -> tuple[Any, ...]:
    """What tells one artifact of a run from the others: of a metric its values and its number, of a model its index."""
    metadata = {name: json_format.MessageToDict(value) for name, value in artifact.metadata.items()}
    if "series" in metadata:
        assert metadata["points"] == len(metadata["series"])
        return tuple(point["value"] for point in metadata["series"]), artifact.number_value
    return (metadata.get("index"),)


def record_endlessly(name: str) -> None:
    """Record task after task, and say of which the server has everything."""
    model = None
    with lineal.run(name) as run:
        for index in count():
            model = record_task(run, index, model)
            print(f"logged {index}", flush=True)  # noqa: T201
            if index % KEEP_EVERY == KEEP_EVERY - 1:
                wait_for(model, index)
            time.sleep(0.01)


def wait_for(model: Any, index: int) -> None:
    """Say that the server has a model, and so everything before it, when it has; without a server go on without."""
    try:
        assert model.id
    except lineal.errors.Unavailable:
        return
    print(f"kept {index}", flush=True)  # noqa: T201


def tasks_in(request: bytes) -> list[str]:
    """The names of the tasks that a call of a spool file creates."""
    return [task_pb2.CreateTaskRequest.FromString(request).task.name]


def main(kind: str, *arguments: str) -> None:
    """Record, as the arguments say."""
    if kind == "endless":
        record_endlessly(*arguments)
        return
    first, runs, tasks = (int(each) for each in arguments[:3])
    threads = [
        threading.Thread(target=record_run, args=(number, tasks, float(arguments[3])))
        for number in range(first, first + runs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
