"""Records of the comparison of runs: what they were started with, and their links with what these say of tasks and artifacts."""

from dataclasses import dataclass

from storage.lineage import ArtifactNode, LineageLink


@dataclass(frozen=True, slots=True)
class RootTask:
    """The ROOT task of a run, and how long its input parameters are, in characters."""

    run_id: str
    id: str
    characters: int


@dataclass(frozen=True, slots=True)
class ComparedLink:
    """A link with its artifact, and the name of its task."""

    link: LineageLink
    task_name: str
    artifact: ArtifactNode


@dataclass(frozen=True, slots=True)
class TaskPlace:
    """Where a task is: its parent, and which iteration of it."""

    id: str
    parent_task_id: str | None
    type_attributes: str | None  # JSON
