"""Tasks that were read or written, with their linked artifacts and their children."""

from collections.abc import Iterator, Sequence

from storage.model import ChildTask, LinkedArtifact, Task
from storage.record import record


@record
class LinkedTasks:
    """Tasks, the links of all of them and the children of all of them, each in the order of its statement."""

    tasks: Sequence[Task] = ()
    links: Sequence[LinkedArtifact] = ()
    children: Sequence[ChildTask] = ()

    def each(self) -> Iterator[tuple[Task, Sequence[LinkedArtifact], Sequence[ChildTask]]]:
        """Yield the tasks in their order, each with its own links and children."""
        links: dict[str, list[LinkedArtifact]] = {}
        for linked_artifact in self.links:
            links.setdefault(linked_artifact.link.task_id, []).append(linked_artifact)
        children: dict[str, list[ChildTask]] = {}
        for child in self.children:
            children.setdefault(child.parent_task_id, []).append(child)
        for task in self.tasks:
            yield task, links.get(task.id, ()), children.get(task.id, ())
