"""Records of the comparison of runs: what they were started with, and their links with what these say of tasks and artifacts."""

from storage.lineage import ArtifactNode, LineageLink
from storage.record import record


@record
class RootTask:
    """The ROOT task of a run, and how long its input parameters are, in characters."""

    run_id: str
    id: str
    characters: int


@record
class ComparedLink:
    """A link with its artifact, and the name of its task."""

    link: LineageLink
    task_name: str
    artifact: ArtifactNode


@record
class TaskPlace:
    """Where a task is: its parent, and which iteration of it."""

    id: str
    parent_task_id: str | None
    type_attributes: str | None  # JSON
