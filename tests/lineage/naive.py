"""The walk in plain Python, over the records themselves: one node at a time, no statements, no bounds. Called by tests.

It is written from the rules in docs/lineage.md, and shares no code with the walk that it is compared with.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from storage.model import Artifact, ArtifactTask, IOType, Task, TaskState, TaskType
from tests.lineage.world import World

GROUPS = {
    TaskType.ROOT,
    TaskType.CONDITION_BRANCH,
    TaskType.CONDITION,
    TaskType.LOOP,
    TaskType.EXIT_HANDLER,
    TaskType.DAG,
}
MADE = {IOType.ITERATOR_OUTPUT, IOType.OUTPUT, IOType.ONE_OF_OUTPUT, IOType.TASK_FINAL_STATUS_OUTPUT}


@dataclass
class Naive:
    """One walk: `distances` has the nodes by their names, `edges` and `cached` are those that it has come to."""

    world: World
    is_up: bool
    distances: dict[str, int] = field(default_factory=dict)
    edges: set[tuple[str, str]] = field(default_factory=set)
    cached: set[str] = field(default_factory=set)

    def walk(self, start: str) -> "Naive":
        """Walk from a node until there is no more."""
        self.distances[start] = 0
        queue = deque([start])
        while queue:
            name = queue.popleft()
            if name in self.cached and name != start:
                continue
            for other in self.neighbours(name):
                self.edges.add((other, name) if self.is_up else (name, other))
                if other not in self.distances:
                    self.distances[other] = self.distances[name] + 1
                    queue.append(other)
        return self

    def neighbours(self, name: str) -> Iterator[str]:
        """Yield what lies next to a node."""
        if name in self.world.tasks:
            task = self.world.tasks[name]
            for link in self.world.links:
                if link.task_id == task.id and is_made(link) is not self.is_up:
                    yield self.artifact_name(link.artifact_id)
            return
        artifact = self.world.artifacts[name]
        links = [link for link in self.world.links if link.artifact_id == artifact.id and is_made(link) is self.is_up]
        for task in self.makers(links) if self.is_up else self.users(links):
            if task.state == TaskState.CACHED:
                self.cached.add(self.task_name(task.id))
            yield self.task_name(task.id)
        yield from self.versions(artifact)

    def users(self, links: list[ArtifactTask]) -> list[Task]:
        """Rule 1."""
        tasks = [self.task(link.task_id) for link in links]
        return [task for task in tasks if task.type not in GROUPS] or tasks

    def makers(self, links: list[ArtifactTask]) -> list[Task]:
        """Rules 1 to 3."""
        tasks = self.users(links)
        tasks = [task for task in tasks if task.type != TaskType.IMPORTER] or tasks
        return [task for task in tasks if task.state != TaskState.CACHED] or tasks

    def versions(self, artifact: Artifact) -> Iterator[str]:
        """Rule 6."""
        same = [
            other
            for other in self.world.artifacts.values()
            if other.uri and (other.uri, other.namespace) == (artifact.uri, artifact.namespace)
            if {other.type, artifact.type} <= {1, 2, 3}
        ]
        same.sort(key=lambda other: (other.created_at, other.id))
        for other in same:
            if self.starts_version(other) is self.starts_version(artifact):
                continue
            reader, version = (artifact, other) if self.is_up else (other, artifact)
            if self.starts_version(version) and self.version_of(reader, same) is version:
                yield self.artifact_name(other.id)

    def version_of(self, reader: Artifact, same: list[Artifact]) -> Artifact | None:
        """Return the newest version that is not younger than an artifact that no task made."""
        older = [each for each in same if self.starts_version(each) and each.created_at <= reader.created_at]
        return older[-1] if older else None

    def starts_version(self, artifact: Artifact) -> bool:
        """Return whether a task made an artifact."""
        makers = [
            self.task(link.task_id) for link in self.world.links if link.artifact_id == artifact.id and is_made(link)
        ]
        return any(task.state != TaskState.CACHED and task.type not in GROUPS | {TaskType.IMPORTER} for task in makers)

    def task(self, id: str) -> Task:
        """Return a task."""
        return next(task for task in self.world.tasks.values() if task.id == id)

    def task_name(self, id: str) -> str:
        """Return the name of a task."""
        return next(name for name, task in self.world.tasks.items() if task.id == id)

    def artifact_name(self, id: str) -> str:
        """Return the name of an artifact."""
        return next(name for name, artifact in self.world.artifacts.items() if artifact.id == id)


def is_made(link: ArtifactTask) -> bool:
    """Whether a link says that its task made the artifact."""
    return link.type in MADE
