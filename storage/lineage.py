"""Records of the walk along links: a link with what decides whether it is followed, and what a node shows."""

from collections.abc import Mapping, Sequence

from storage.model import TaskType
from storage.record import record

OUTPUT_LINKS = (8, 9, 10, 11, 101, 104, 106, 107)
"""The types of links that point to what a task made; all others point to what it used.

Those from 100 are MLMD's types of events, kept for links that are written over its API.
"""

DOERS = (TaskType.TASK_TYPE_UNSPECIFIED, TaskType.RUNTIME, TaskType.IMPORTER)
"""Types of tasks that do something themselves; all others group such tasks, and repeat what these take and make."""

VERSIONED_TYPES = (1, 2, 3)
"""Artifact, Model, Dataset: an artifact of these types at the uri of another one is a version of it."""


@record
class LineageLink:
    """A link together with the type and the state of its task."""

    id: str
    artifact_id: str
    task_id: str
    run_id: str
    type: int
    key: str
    iteration: int
    task_type: int
    task_state: int

    @property
    def is_output(self) -> bool:
        """Whether the task made the artifact."""
        return self.type in OUTPUT_LINKS


@record
class TaskNode:
    """What is shown of a task."""

    id: str
    run_id: str
    name: str
    display_name: str
    type: int
    state: int
    namespace: str
    created_at: int
    finished_at: int | None


@record
class ArtifactNode:
    """What is shown of an artifact, and what its versions are found by."""

    id: str
    name: str
    type: int
    uri: str | None
    uri_hash: str
    namespace: str
    created_at: int
    number_value: float | None


@record
class TaskLinks:
    """Links of tasks, and what is shown of the artifacts that they lead to, by id."""

    links: Sequence[LineageLink]
    artifacts: Mapping[str, ArtifactNode]


@record
class RunNode:
    """What is shown of a run, and what decides whether it is found."""

    id: str
    display_name: str
    state: str
    pipeline_id: str
    experiment_id: str
    namespace: str
    created_at: int
    finished_at: int | None


@record
class ExperimentNode:
    """What is shown of an experiment."""

    id: str
    name: str
    storage_state: str
    namespace: str
    created_at: int


@record
class Moment:
    """A uri at a time: where the versions before it, or after it, are looked for. The time is in microseconds."""

    uri_hash: str
    namespace: str
    created_at: int
