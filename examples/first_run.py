"""Record a small pipeline twice, read both runs back and check them: `python examples/first_run.py HOST:PORT`.

The pipeline trains a spam filter. It imports a data set, splits it, trains in a loop with three depths, writes a report in a
nested pipeline and publishes the best model. In the first run, publishing fails. In the second run it succeeds, and splitting
is not repeated, because the cache has an equal task.

Needs only the package `lineal`.
"""

import sys
import uuid
from collections.abc import Iterator

import lineal
from lineal.recorder import LoggedArtifact
from lineal.v2beta1 import artifact_pb2, run_pb2

Task = run_pb2.PipelineTask
State = Task.TaskState

ACCURACIES = {2: 0.81, 4: 0.93, 8: 0.90}
"""What training comes to, by depth."""
DEPTHS = tuple(ACCURACIES)
MAILS = "s3://examples/mails.parquet"


def record(client: lineal.Client, name: str, cache_key: str, *, can_publish: bool) -> str:
    """Record the whole pipeline and return the id of its run."""
    with lineal.run(name, namespace="examples", client=client) as run:
        mails = run.import_artifact(MAILS, "mails", type="Dataset")
        with run.task("split", inputs={"share": 0.8}, uses={"mails": mails}, cache_key=cache_key) as split:
            if not split.cached:
                for part in ("train", "test"):
                    split.log_artifact(part, f"s3://examples/{part}.parquet", type="Dataset")
        models = tune(run, train_set=split.outputs["train"], test_set=split.outputs["test"])
        with run.group("report"):
            with run.task("compare", uses={"models": models}) as compare:
                compare.output("best_depth", max(ACCURACIES, key=lambda depth: ACCURACIES[depth]))
            with run.task("render") as render:
                render.log_artifact("page", "s3://examples/report.html", type="HTML")
        with run.task("publish") as publish:
            if not can_publish:
                publish.fail("the registry refused the model")
    return run.id


def tune(run: lineal.Run, train_set: LoggedArtifact, test_set: LoggedArtifact) -> list[LoggedArtifact]:
    """Train once for each depth, in a loop; return the models."""
    models = []
    with run.loop("tune", DEPTHS) as loop:
        for depth in loop:
            with loop.task("train", inputs={"depth": depth}, uses={"train": train_set, "test": test_set}) as task:
                uri = f"s3://examples/model-{depth}"
                models.append(task.log_artifact("model", uri, type="Model", metadata={"depth": depth}))
                task.log_metric("accuracy", ACCURACIES[depth])
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
        check(accuracy.number_value == ACCURACIES[DEPTHS[iteration]], f"the accuracy of iteration {iteration}")
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
    cache_key = f"first-run-{uuid.uuid4().hex}"
    try:
        with lineal.Client(address) as client:
            # A recorder would wait for a server that cannot be reached, and leave what it records to a later process.
            client.get_healthz(timeout_seconds=5)
            run_ids = [
                record(client, "spam filter, first run", cache_key, can_publish=False),
                record(client, "spam filter, second run", cache_key, can_publish=True),
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
