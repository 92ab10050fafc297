"""Tasks as they were read or written, with what surrounds them: records until the transaction has ended, then messages."""

from collections.abc import Sequence
from dataclasses import dataclass

from lineal.v2beta1 import run_pb2

from server import codec
from storage.model import ChildTask, LinkedArtifact, Task


@dataclass(frozen=True, slots=True)
class LinkedTasks:
    """Tasks, the links of all of them and the children of all of them, each in the order of its statement."""

    tasks: Sequence[Task]
    links: Sequence[LinkedArtifact]
    children: Sequence[ChildTask]

    def messages(self, *, basic: bool = False) -> list[run_pb2.PipelineTask]:
        """Return the tasks as clients see them, each with its own links and children; basic leaves parameters out."""
        links: dict[str, list[LinkedArtifact]] = {}
        for linked_artifact in self.links:
            links.setdefault(linked_artifact.link.task_id, []).append(linked_artifact)
        children: dict[str, list[ChildTask]] = {}
        for child in self.children:
            children.setdefault(child.parent_task_id, []).append(child)
        return [
            codec.task_message(task, artifacts=links.get(task.id, ()), children=children.get(task.id, ()), basic=basic)
            for task in self.tasks
        ]
