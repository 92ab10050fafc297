"""Record a small pipeline twice, read both runs back and check them: `python examples/first_run.py HOST:PORT`.

The pipeline trains a spam filter. It imports a data set, splits it, trains in a loop with three depths, writes a report in a
nested pipeline and publishes the best model. In the first run, publishing fails. In the second run it succeeds, and splitting
is not repeated, because the cache has an equal task.

Needs only the package `lineal`.
"""

import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lineal
from lineal.v2beta1 import artifact_pb2, run_pb2

Task = run_pb2.PipelineTask
State = Task.TaskState

DEPTHS = (2, 4, 8)
ACCURACIES = (0.81, 0.93, 0.90)
MAILS = "s3://examples/mails.parquet"


class Recording:
    """One run, recorded as it happens."""

    def __init__(self, client: lineal.Client, name: str) -> None:
        self._client = client
        self.run_id = client.create_run(run={"display_name": name}).run_id

    def start(self, name: str, parent: str | None = None, **fields: Any) -> str:
        """Record the start of a task and return its id."""
        task = {"name": name, "type": "RUNTIME", "state": "RUNNING", "parent_task_id": parent, **fields}
        return self._client.create_task(self.run_id, task=task).task_id

    def end(self, task_id: str, state: str = "SUCCEEDED", *, message: str = "", **outputs: float | str) -> None:
        """Record the end of a task, with its output parameters and, if it failed, a message."""
        task: dict[str, Any] = {"state": state, "outputs": {"parameters": parameters("OUTPUT", outputs)}}
        if message:
            task["status_metadata"] = {"message": message}
        self._client.update_task(self.run_id, task_id, task=task)

    def add_outputs(
        self, task_id: str, outputs: Mapping[str, Mapping[str, Any]], iteration: int | None = None
    ) -> list[str]:
        """Record the artifacts that a task produced, by output name, and return their ids. All are created or none."""
        task = {"run_id": self.run_id, "task_id": task_id, "iteration_index": iteration}
        items = [
            {**task, "producer_key": key, "artifact": new_artifact(key, fields)} for key, fields in outputs.items()
        ]
        return [made.artifact_id for made in self._client.create_artifacts_bulk(artifacts=items).artifacts]

    def import_artifact(self, task_id: str, key: str, fields: Mapping[str, Any]) -> str:
        """Record an artifact that an importer provides and return its id; an equal artifact that exists is reused."""
        artifact = self._client.create_artifact(
            run_id=self.run_id,
            task_id=task_id,
            producer_key=key,
            artifact=new_artifact(key, fields),
            reuse_if_exists=True,
        )
        return artifact.artifact_id

    def link(self, task_id: str, type: str, links: Sequence[tuple[str, str, str]]) -> None:
        """Record that a task uses or passes on artifacts; each link is (input or output name, producing task, artifact id)."""
        task = {"run_id": self.run_id, "task_id": task_id, "type": type}
        items = [{**task, "key": key, "producer": {"task_name": name}, "artifact_id": id} for key, name, id in links]
        self._client.create_artifact_tasks_bulk(artifact_tasks=items)


def new_artifact(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return an artifact to create. A namespace is required, although a single-user server discards it."""
    return {"name": name, "namespace": "examples", **fields}


def parameters(type: str, values: Mapping[str, float | str], **fields: Any) -> list[dict[str, Any]]:
    """Return parameters to send."""
    return [{"parameter_key": key, "value": value, "type": type, **fields} for key, value in values.items()]


def record(client: lineal.Client, name: str, fingerprint: str, *, can_publish: bool) -> str:
    """Record the whole pipeline and return the id of its run."""
    recording = Recording(client, name)
    root = recording.start("ROOT", type="ROOT")

    importer = recording.start("import-mails", root, type="IMPORTER")
    mails = recording.import_artifact(importer, "mails", {"type": "Dataset", "uri": MAILS})
    recording.end(importer)

    train_set, test_set = split(client, recording, root, mails, fingerprint)
    models = tune(recording, root, train_set, test_set)

    report = recording.start("report", root, type="DAG")
    compare = recording.start("compare", report)
    recording.link(compare, "TASK_OUTPUT_INPUT", [("models", "train", model) for model in models])
    recording.end(compare, best_depth=DEPTHS[ACCURACIES.index(max(ACCURACIES))])
    render = recording.start("render", report)
    recording.add_outputs(render, {"page": {"type": "HTML", "uri": "s3://examples/report.html"}})
    recording.end(render)
    recording.end(report)

    publish = recording.start("publish", root)
    if can_publish:
        recording.end(publish)
    else:
        recording.end(publish, "FAILED", message="the registry refused the model")
    recording.end(root, "SUCCEEDED" if can_publish else "FAILED")
    return recording.run_id


def split(client: lineal.Client, recording: Recording, root: str, mails: str, fingerprint: str) -> tuple[str, str]:
    """Split the data set, or reuse the outputs of an equal earlier task; return the ids of both parts."""
    inputs = {"parameters": parameters("RUNTIME_VALUE_INPUT", {"share": 0.8})}
    response = client.find_cached_task(cache_fingerprint=fingerprint)
    if response.HasField("task"):
        task = recording.start("split", root, state="CACHED", cache_fingerprint=fingerprint, inputs=inputs)
        ids_by_key = {group.artifact_key: group.artifacts[0].artifact_id for group in response.task.outputs.artifacts}
        recording.link(task, "OUTPUT", [(key, "split", artifact_id) for key, artifact_id in ids_by_key.items()])
        train_set, test_set = ids_by_key["train"], ids_by_key["test"]
    else:
        task = recording.start("split", root, cache_fingerprint=fingerprint, inputs=inputs)
        parts = {key: {"type": "Dataset", "uri": f"s3://examples/{key}.parquet"} for key in ("train", "test")}
        train_set, test_set = recording.add_outputs(task, parts)
        recording.end(task)
    recording.link(task, "TASK_OUTPUT_INPUT", [("mails", "import-mails", mails)])
    return train_set, test_set


def tune(recording: Recording, root: str, train_set: str, test_set: str) -> list[str]:
    """Train once for each depth, in a loop; return the ids of the models."""
    loop = recording.start("tune", root, type="LOOP", type_attributes={"iteration_count": len(DEPTHS)})
    models = []
    for iteration, (depth, accuracy) in enumerate(zip(DEPTHS, ACCURACIES, strict=True)):
        producer = {"task_name": "tune", "iteration": iteration}
        inputs = {"parameters": parameters("ITERATOR_INPUT", {"depth": depth}, producer=producer)}
        task = recording.start("train", loop, type_attributes={"iteration_index": iteration}, inputs=inputs)
        recording.link(task, "TASK_OUTPUT_INPUT", [("train", "split", train_set), ("test", "split", test_set)])
        outputs = {
            "model": {
                "type": "Model",
                "uri": f"s3://examples/model-{depth}",
                "metadata": {"depth": depth},
            },
            "accuracy": {"type": "Metric", "number_value": accuracy},
        }
        model, _ = recording.add_outputs(task, outputs, iteration)
        models.append(model)
        recording.end(task)
    recording.end(loop)
    return models


def check(condition: bool, what: str) -> None:
    """Exit with an error if something is not as it was recorded."""
    if not condition:
        raise SystemExit(f"not as recorded: {what}")


def tasks_named(name: str, run: run_pb2.Run) -> list[run_pb2.PipelineTask]:
    """Return the tasks of a run with this name, in order of creation."""
    return [task for task in run.tasks if task.name == name]


def artifacts(side: Task.InputOutputs, key: str) -> list[artifact_pb2.Artifact]:
    """Return the artifacts of one input or output."""
    return [artifact for group in side.artifacts if group.artifact_key == key for artifact in group.artifacts]


def ids(side: Task.InputOutputs, key: str) -> list[str]:
    """Return the ids of the artifacts of one input or output."""
    return [artifact.artifact_id for artifact in artifacts(side, key)]


def check_tree(run: run_pb2.Run) -> None:
    """Check that the run has the tasks of the pipeline, each below its parent."""
    [root], [loop], [report] = tasks_named("ROOT", run), tasks_named("tune", run), tasks_named("report", run)
    children = {task.task_id: [child.name for child in task.child_tasks] for task in run.tasks}
    check(children[root.task_id] == ["import-mails", "split", "tune", "report", "publish"], "the tasks below the root")
    check(children[loop.task_id] == ["train"] * len(DEPTHS), "the iterations of the loop")
    check(children[report.task_id] == ["compare", "render"], "the tasks of the nested pipeline")
    check(run.task_count == len(run.tasks) == 11, "the number of tasks")


def check_loop(run: run_pb2.Run) -> None:
    """Check that each iteration has its own depth, model and accuracy, and that the comparison used all models."""
    [loop], [split_task], [compare] = tasks_named("tune", run), tasks_named("split", run), tasks_named("compare", run)
    check(loop.type == Task.LOOP and loop.type_attributes.iteration_count == len(DEPTHS), "the loop")
    models = []
    for iteration, task in enumerate(tasks_named("train", run)):
        check(task.type_attributes.iteration_index == iteration, "the order of the iterations")
        check(task.inputs.parameters[0].value.number_value == DEPTHS[iteration], f"the depth of iteration {iteration}")
        check(task.inputs.parameters[0].producer.iteration == iteration, f"the producer of depth {iteration}")
        check(ids(task.inputs, "train") == ids(split_task.outputs, "train"), f"the training data of {iteration}")
        [accuracy] = artifacts(task.outputs, "accuracy")
        check(accuracy.number_value == ACCURACIES[iteration], f"the accuracy of iteration {iteration}")
        [model] = artifacts(task.outputs, "model")
        check(model.metadata["depth"].number_value == DEPTHS[iteration], f"the metadata of model {iteration}")
        check({group.producer.iteration for group in task.outputs.artifacts} == {iteration}, "the outputs' iteration")
        models.append(model.artifact_id)
    check(len(set(models)) == len(DEPTHS), "one model per iteration")
    check(sorted(ids(compare.inputs, "models")) == sorted(models), "the models that were compared")
    check(compare.outputs.parameters[0].value.number_value == 4, "the best depth")


def check_ends(first: run_pb2.Run, second: run_pb2.Run) -> None:
    """Check that the first run failed where it should, and that the second run reused the outputs of the first."""
    [first_publish], [second_publish] = tasks_named("publish", first), tasks_named("publish", second)
    check(first.state == run_pb2.FAILED and second.state == run_pb2.SUCCEEDED, "how the runs ended")
    check(first_publish.state == State.FAILED and second_publish.state == State.SUCCEEDED, "how publishing ended")
    check(first_publish.status_metadata.message == "the registry refused the model", "why publishing failed")
    [first_split], [second_split] = tasks_named("split", first), tasks_named("split", second)
    check(first_split.state == State.SUCCEEDED and second_split.state == State.CACHED, "the cache hit")
    for key in ("train", "test"):
        check(ids(first_split.outputs, key) == ids(second_split.outputs, key) != [], f"the cached output {key}")
    [first_import], [second_import] = tasks_named("import-mails", first), tasks_named("import-mails", second)
    check(ids(first_import.outputs, "mails") == ids(second_import.outputs, "mails") != [], "the reuse of the data set")
    check(artifacts(first_import.outputs, "mails")[0].uri == MAILS, "the URI of the data set")


def tree(run: run_pb2.Run) -> Iterator[str]:
    """Return a run's tasks as lines with their states, parameters and output artifacts."""

    def lines(task: run_pb2.PipelineTask, indent: str) -> Iterator[str]:
        number = f"[{task.type_attributes.iteration_index}]" if task.type_attributes.HasField("iteration_index") else ""
        words = [f"{task.name}{number} {State.Name(task.state)}"]
        words += [f"{each.parameter_key}={each.value.number_value:g}" for each in task.inputs.parameters]
        words += [f"→ {each.parameter_key}={each.value.number_value:g}" for each in task.outputs.parameters]
        for artifact in (artifact for group in task.outputs.artifacts for artifact in group.artifacts):
            words.append(
                f"→ {artifact.name}" + (f"={artifact.number_value}" if artifact.HasField("number_value") else "")
            )
        if task.status_metadata.message:
            words.append(f"({task.status_metadata.message})")
        yield indent + "  ".join(words)
        for child in (other for other in run.tasks if other.parent_task_id == task.task_id):
            yield from lines(child, indent + "   ")

    yield f"{run.display_name}: {run_pb2.RuntimeState.Name(run.state)}"
    yield from lines(tasks_named("ROOT", run)[0], "   ")


def main(address: str) -> None:
    """Record both runs, read them back, check and print them."""
    # Unique per execution of this program, so that the first run never finds a cached task of an earlier execution.
    fingerprint = f"first-run-{uuid.uuid4().hex}"
    try:
        with lineal.Client(address) as client:
            run_ids = [
                record(client, "spam filter, first run", fingerprint, can_publish=False),
                record(client, "spam filter, second run", fingerprint, can_publish=True),
            ]
            first, second = (client.get_run(run_id, view="FULL") for run_id in run_ids)
    except lineal.LinealError as error:
        raise SystemExit(f"{address} answered {error.code}: {error}") from error
    for run in (first, second):
        check_tree(run)
        check_loop(run)
        print("\n".join(tree(run)), end="\n\n")
    check_ends(first, second)
    print(f"{len(first.tasks) + len(second.tasks)} tasks of 2 runs were read back as they were recorded.")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python examples/first_run.py HOST:PORT, such as 127.0.0.1:8887")
    main(sys.argv[1])
