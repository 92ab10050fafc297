"""Records a small pipeline twice, reads both runs back and checks them: `python examples/first_run.py HOST:PORT`.

The pipeline learns to tell spam from mail. It imports a data set, splits it, trains in a loop with three depths, writes a
report in a nested pipeline and publishes the best model. The first time publishing fails. The second time it works, and
splitting is not done again, because an equal task is found.

Needs nothing but the packages `lineal` (the messages) and `grpcio`.
"""

import sys
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from lineal.v2beta1 import artifact_pb2, run_pb2

Task = run_pb2.PipelineTask
State = Task.TaskState

DEPTHS = (2, 4, 8)
ACCURACIES = (0.81, 0.93, 0.90)
MAILS = "s3://examples/mails.parquet"
SECONDS = 10  # how long to wait for an answer


class Service:
    """The calls of a service by their names: `runs.GetRun(run_id=...)` sends a GetRunRequest and returns the Run."""

    def __init__(self, channel: grpc.Channel, descriptor: ServiceDescriptor) -> None:
        self._channel, self._descriptor = channel, descriptor

    def __getattr__(self, name: str) -> Any:
        method = self._descriptor.methods_by_name[name]
        request, answer = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        path = f"/{self._descriptor.full_name}/{name}"
        send = self._channel.unary_unary(path, request.SerializeToString, answer.FromString)
        return lambda **fields: send(request(**fields), timeout=SECONDS)


class Server:
    """A Lineal server: the two services that a pipeline is recorded with."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.runs = Service(channel, run_pb2.DESCRIPTOR.services_by_name["RunService"])
        self.artifacts = Service(channel, artifact_pb2.DESCRIPTOR.services_by_name["ArtifactService"])


class Recording:
    """One run, recorded while it happens."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self.run_id: str = server.runs.CreateRun(run={"display_name": name}).run_id

    def start(self, name: str, parent: str | None = None, **fields: Any) -> str:
        """A task begins; returns its id."""
        task = Task(**{"name": name, "type": "RUNTIME", "state": "RUNNING", "parent_task_id": parent, **fields})
        return str(self._server.runs.CreateTask(run_id=self.run_id, task=task).task_id)

    def end(self, task_id: str, state: str = "SUCCEEDED", *, message: str = "", **outputs: float | str) -> None:
        """A task ends, with output parameters and, where something went wrong, with words."""
        task = Task(state=state, outputs={"parameters": parameters("OUTPUT", outputs)})
        if message:
            task.status_metadata.message = message
        self._server.runs.UpdateTask(run_id=self.run_id, task_id=task_id, task=task)

    def make(self, task_id: str, made: Mapping[str, Mapping[str, Any]], iteration: int | None = None) -> list[str]:
        """A task makes artifacts, by the names of its outputs; all are kept or none. Returns their ids."""
        of_task = {"run_id": self.run_id, "task_id": task_id, "iteration_index": iteration}
        items = [{**of_task, "producer_key": key, "artifact": an_artifact(key, fields)} for key, fields in made.items()]
        created = self._server.artifacts.CreateArtifactsBulk(artifacts=items)
        return [artifact.artifact_id for artifact in created.artifacts]

    def bring(self, task_id: str, key: str, fields: Mapping[str, Any]) -> str:
        """An importer brings an artifact; an equal one that is known already is taken instead of a new one."""
        created = self._server.artifacts.CreateArtifact(
            run_id=self.run_id,
            task_id=task_id,
            producer_key=key,
            artifact=an_artifact(key, fields),
            reuse_if_exists=True,
        )
        return str(created.artifact_id)

    def link(self, task_id: str, type: str, links: Sequence[tuple[str, str, str]]) -> None:
        """A task uses or passes on artifacts: (name of the input or output, task that made it, artifact id) each."""
        of_task = {"run_id": self.run_id, "task_id": task_id, "type": type}
        items = [{**of_task, "key": key, "producer": {"task_name": by}, "artifact_id": id} for key, by, id in links]
        self._server.artifacts.CreateArtifactTasksBulk(artifact_tasks=items)


def an_artifact(name: str, fields: Mapping[str, Any]) -> artifact_pb2.Artifact:
    """An artifact as it is sent; every one must say a namespace, a single-user server drops it."""
    return artifact_pb2.Artifact(**{"name": name, "namespace": "examples", **fields})


def parameters(type: str, values: Mapping[str, float | str], **fields: Any) -> list[Task.InputOutputs.IOParameter]:
    """Parameters as they are sent."""
    return [
        Task.InputOutputs.IOParameter(
            parameter_key=key,
            value={"string_value": value} if isinstance(value, str) else {"number_value": value},
            type=type,
            **fields,
        )
        for key, value in values.items()
    ]


def record(server: Server, name: str, fingerprint: str, *, can_publish: bool) -> str:
    """Record the whole pipeline and return the id of its run."""
    recording = Recording(server, name)
    root = recording.start("ROOT", type="ROOT")

    importer = recording.start("import-mails", root, type="IMPORTER")
    mails = recording.bring(importer, "mails", {"type": "Dataset", "uri": MAILS})
    recording.end(importer)

    train_set, test_set = split(server, recording, root, mails, fingerprint)
    models = tune(recording, root, train_set, test_set)

    report = recording.start("report", root, type="DAG")
    compare = recording.start("compare", report)
    recording.link(compare, "TASK_OUTPUT_INPUT", [("models", "train", model) for model in models])
    recording.end(compare, best_depth=DEPTHS[ACCURACIES.index(max(ACCURACIES))])
    render = recording.start("render", report)
    recording.make(render, {"page": {"type": "HTML", "uri": "s3://examples/report.html"}})
    recording.end(render)
    recording.end(report)

    publish = recording.start("publish", root)
    if can_publish:
        recording.end(publish)
    else:
        recording.end(publish, "FAILED", message="the registry refused the model")
    recording.end(root, "SUCCEEDED" if can_publish else "FAILED")
    return recording.run_id


def split(server: Server, recording: Recording, root: str, mails: str, fingerprint: str) -> tuple[str, str]:
    """Split the data set, or take what an equal task made before; return the ids of both parts."""
    inputs = {"parameters": parameters("RUNTIME_VALUE_INPUT", {"share": 0.8})}
    found = server.runs.FindCachedTask(cache_fingerprint=fingerprint)
    if found.HasField("task"):
        task = recording.start("split", root, state="CACHED", cache_fingerprint=fingerprint, inputs=inputs)
        made = {output.artifact_key: output.artifacts[0].artifact_id for output in found.task.outputs.artifacts}
        recording.link(task, "OUTPUT", [(key, "split", artifact_id) for key, artifact_id in made.items()])
        train_set, test_set = made["train"], made["test"]
    else:
        task = recording.start("split", root, cache_fingerprint=fingerprint, inputs=inputs)
        parts = {key: {"type": "Dataset", "uri": f"s3://examples/{key}.parquet"} for key in ("train", "test")}
        train_set, test_set = recording.make(task, parts)
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
        made = {
            "model": {
                "type": "Model",
                "uri": f"s3://examples/model-{depth}",
                "metadata": {"depth": {"number_value": depth}},
            },
            "accuracy": {"type": "Metric", "number_value": accuracy},
        }
        model, _ = recording.make(task, made, iteration)
        models.append(model)
        recording.end(task)
    recording.end(loop)
    return models


def check(claim: bool, what: str) -> None:
    """End the program when something is not as it was recorded."""
    if not claim:
        raise SystemExit(f"not as recorded: {what}")


def named(run: run_pb2.Run, name: str) -> list[run_pb2.PipelineTask]:
    """The tasks of a run that have a name, in order of creation."""
    return [task for task in run.tasks if task.name == name]


def artifacts(side: Task.InputOutputs, key: str) -> list[artifact_pb2.Artifact]:
    """The artifacts of one input or output."""
    return [artifact for group in side.artifacts if group.artifact_key == key for artifact in group.artifacts]


def ids(side: Task.InputOutputs, key: str) -> list[str]:
    """The ids of the artifacts of one input or output."""
    return [artifact.artifact_id for artifact in artifacts(side, key)]


def check_tree(run: run_pb2.Run) -> None:
    """Both runs have the same tasks in the same places."""
    [root], [loop], [report] = named(run, "ROOT"), named(run, "tune"), named(run, "report")
    below = {task.task_id: [child.name for child in task.child_tasks] for task in run.tasks}
    check(below[root.task_id] == ["import-mails", "split", "tune", "report", "publish"], "the tasks below the root")
    check(below[loop.task_id] == ["train"] * len(DEPTHS), "the iterations of the loop")
    check(below[report.task_id] == ["compare", "render"], "the tasks of the nested pipeline")
    check(run.task_count == len(run.tasks) == 11, "the number of tasks")


def check_loop(run: run_pb2.Run) -> None:
    """Each iteration has its own depth, model and accuracy, and the comparison used all models."""
    [loop], [split_task], [compare] = named(run, "tune"), named(run, "split"), named(run, "compare")
    check(loop.type == Task.LOOP and loop.type_attributes.iteration_count == len(DEPTHS), "the loop")
    models = []
    for iteration, task in enumerate(named(run, "train")):
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
    check(len(set(models)) == len(DEPTHS), "one model an iteration")
    check(sorted(ids(compare.inputs, "models")) == sorted(models), "the models that were compared")
    check(compare.outputs.parameters[0].value.number_value == 4, "the best depth")


def check_ends(first: run_pb2.Run, second: run_pb2.Run) -> None:
    """The first run failed where it should, the second took over what the first had made."""
    [failed], [published] = named(first, "publish"), named(second, "publish")
    check(first.state == run_pb2.FAILED and second.state == run_pb2.SUCCEEDED, "how the runs ended")
    check(failed.state == State.FAILED and published.state == State.SUCCEEDED, "how publishing ended")
    check(failed.status_metadata.message == "the registry refused the model", "why publishing failed")
    [made], [cached] = named(first, "split"), named(second, "split")
    check(made.state == State.SUCCEEDED and cached.state == State.CACHED, "the cache hit")
    for key in ("train", "test"):
        check(ids(made.outputs, key) == ids(cached.outputs, key) != [], f"the cached output {key}")
    [mails], [mails_again] = named(first, "import-mails"), named(second, "import-mails")
    check(ids(mails.outputs, "mails") == ids(mails_again.outputs, "mails") != [], "the data set imported twice is one")
    check(artifacts(mails.outputs, "mails")[0].uri == MAILS, "the place of the data set")


def tree(run: run_pb2.Run) -> Iterator[str]:
    """A run's tasks as lines: states, parameters, and what was made."""

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
    yield from lines(named(run, "ROOT")[0], "   ")


def main(address: str) -> None:
    """Record, read back, check, show."""
    # Of this call of the program alone, so that its first run finds nothing that was made before.
    fingerprint = f"first-run-{uuid.uuid4().hex}"
    with grpc.insecure_channel(address) as channel:
        server = Server(channel)
        try:
            run_ids = [
                record(server, "spam filter, first run", fingerprint, can_publish=False),
                record(server, "spam filter, second run", fingerprint, can_publish=True),
            ]
            first, second = (server.runs.GetRun(run_id=run_id, view="FULL") for run_id in run_ids)
        except grpc.RpcError as error:
            raise SystemExit(f"{address} answered {error.code().name}: {error.details()}") from error
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
