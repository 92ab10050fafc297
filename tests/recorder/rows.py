"""What a server has of a run, as lines of text, read over gRPC by a client that is not the recorder's."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from lineal.v2beta1 import artifact_pb2, run_pb2

Task = run_pb2.PipelineTask


@dataclass(frozen=True)
class Rows:
    """The rows of one run: itself, its tasks, the links of their artifacts, and the artifacts."""

    run: run_pb2.Run
    tasks: list[Task]
    links: list[artifact_pb2.ArtifactTask]
    artifacts: dict[str, artifact_pb2.Artifact]

    def lines(self) -> list[str]:
        """Everything that was recorded, a line per row: what tasks took and made is below them."""
        by_id = {task.task_id: task for task in self.tasks}
        lines = [f"run {self.run.display_name} {run_pb2.RuntimeState.Name(self.run.state)}"]
        for path, task in sorted((path_of(task, by_id), task) for task in self.tasks):  # paths differ
            lines.append(f"{path} {task_words(task)}")
            lines.extend(f"  {line}" for line in sorted(self._below(task)))
        return lines

    def _below(self, task: Task) -> Iterator[str]:
        for side, parameters in (("in", task.inputs.parameters), ("out", task.outputs.parameters)):
            for each in parameters:
                value = json_format.MessageToDict(each.value)
                yield f"{side} {each.parameter_key}={json_text(value)} {type_words(each.type, each.producer)}"
        for link in self.links:
            if link.task_id == task.task_id:
                artifact = artifact_words(self.artifacts[link.artifact_id])
                yield f"link {link.key} {type_words(link.type, link.producer)}: {artifact}"


async def read(api: Any, run_id: str) -> Rows:
    """Read a run. Fails if the server tells two stories of it."""
    run = await api.GetRun(run_id=run_id, view="FULL")
    tasks = (await api.ListTasks(run_id=run_id, page_size=200)).tasks
    links = (await api.ListArtifactTasks(run_ids=[run_id], page_size=200)).artifact_tasks
    assert [task.task_id for task in tasks] == [task.task_id for task in run.tasks]
    ids = {link.artifact_id for link in links}
    artifacts = {id: await api.GetArtifact(artifact_id=id) for id in ids}
    return Rows(run, list(tasks), list(links), artifacts)


def path_of(task: Task, by_id: dict[str, Task]) -> str:
    """The names of the tasks around one and its own, with iterations."""
    attributes = task.type_attributes
    name = task.name + (f"[{attributes.iteration_index}]" if attributes.HasField("iteration_index") else "")
    return f"{path_of(by_id[task.parent_task_id], by_id)}/{name}" if task.parent_task_id else name


def task_words(task: Task) -> str:
    """Type, state, number of iterations and message of a task."""
    words = [Task.TaskType.Name(task.type), Task.TaskState.Name(task.state)]
    if task.type_attributes.HasField("iteration_count"):
        words.append(f"of {task.type_attributes.iteration_count}")
    if task.status_metadata.message:
        words.append(f"({task.status_metadata.message.splitlines()[0]})")
    assert task.HasField("end_time")
    return " ".join(words)


def type_words(type: int, producer: Any) -> str:
    """Type and producer of a parameter or link."""
    iteration = f"[{producer.iteration}]" if producer.HasField("iteration") else ""
    made_by = f" of {producer.task_name}{iteration}" if producer.task_name else ""
    return artifact_pb2.IOType.Name(type) + made_by


def artifact_words(artifact: artifact_pb2.Artifact) -> str:
    """Name, type and content of an artifact."""
    words = [artifact.name, artifact.ArtifactType.Name(artifact.type)]
    if artifact.HasField("uri"):
        words.append(artifact.uri)
    if artifact.HasField("number_value"):
        words.append(f"{artifact.number_value:g}")
    metadata = {name: json_format.MessageToDict(value) for name, value in artifact.metadata.items()}
    return " ".join([*words, *metadata_words(metadata)])


def metadata_words(metadata: dict[str, Any]) -> Iterable[str]:
    """Metadata in order; the points of a series without their times."""
    for name, value in sorted(metadata.items()):
        plain = [(int(each["step"]), each["value"]) for each in value] if name == "series" else value
        yield f"{name}={json_text(plain)}"


def json_text(value: Any) -> str:
    """JSON with the keys of mappings in order: a server has none."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
