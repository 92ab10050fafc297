"""Tasks as they were read or written, with what surrounds them: records until the transaction has ended, then messages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from storage.model import ChildTask, LinkedArtifact, Task


@dataclass(frozen=True, slots=True)
class LinkedTasks:
    """Tasks, the links of all of them and the children of all of them, each in the order of its statement."""

    tasks: Sequence[Task]
    links: Sequence[LinkedArtifact]
    children: Sequence[ChildTask]

    def write(self, target_of: Callable[[Task], run_pb2.PipelineTask], *, basic: bool = False) -> None:
        """Write the tasks as clients see them, each with its own links and children; basic leaves parameters out.

        `target_of` returns the empty message of a task. It is called for one task after the other, in their order.
        """
        links: dict[str, list[LinkedArtifact]] = {}
        for linked_artifact in self.links:
            links.setdefault(linked_artifact.link.task_id, []).append(linked_artifact)
        children: dict[str, list[ChildTask]] = {}
        for child in self.children:
            children.setdefault(child.parent_task_id, []).append(child)
        for task in self.tasks:
            codec.task_message(
                task,
                target_of(task),
                artifacts=links.get(task.id, ()),
                children=children.get(task.id, ()),
                basic=basic,
            )
