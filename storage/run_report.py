"""Records of what a page about one run shows: its facts, tasks as rows, what a task was given, artifacts that were made."""

from storage.lineage import ArtifactNode
from storage.model import TaskState, TaskType
from storage.record import record


@record
class RunFacts:
    """A run with the names of what it belongs to, which are empty where that does not exist.

    `description` may be cut; `runtime_config` is None if it is too long.
    """

    id: str
    display_name: str
    description: str
    state: str
    storage_state: str
    state_history: str  # JSON
    namespace: str
    experiment_id: str
    pipeline_id: str
    pipeline_version_id: str
    pipeline_spec_id: str | None
    runtime_config: str | None  # JSON
    created_at: int
    finished_at: int | None
    updated_at: int
    experiment: str
    pipeline: str
    version: str


@record
class TaskStateCount:
    """How many tasks of a run are in a state, and when one of them was last written."""

    state: int
    count: int
    updated_at: int


@record
class TaskRow:
    """A task as a row of a table. `status` is the beginning of its status metadata if it failed, JSON that may be cut."""

    id: str
    parent_task_id: str | None
    name: str
    display_name: str
    type: int
    state: int
    type_attributes: str | None  # JSON
    created_at: int
    started_at: int | None
    finished_at: int | None
    state_history: str | None  # JSON
    status: str | None

    @property
    def is_failed(self) -> bool:
        """Whether the task failed."""
        return self.state == TaskState.FAILED

    @property
    def is_loop(self) -> bool:
        """Whether the tasks in it belong to iterations."""
        return self.type == TaskType.LOOP


@record
class TaskMark:
    """Where a task is in its run."""

    id: str
    parent_task_id: str | None
    name: str
    type: int
    state: int
    type_attributes: str | None  # JSON


@record
class TaskDetails:
    """What a task was given, empty if it is too long, and which pods worked for it."""

    id: str
    input_parameters: str | None  # JSON
    pods: str | None  # JSON


@record
class IterationState:
    """How many of the tasks that are directly in a loop have the same iteration and state."""

    loop_id: str
    type_attributes: str | None  # JSON
    state: int
    count: int


@record
class MadeArtifact:
    """An artifact that a task made, and under which key."""

    artifact: ArtifactNode
    key: str
    iteration: int
    task_id: str
    task_name: str
    task_display_name: str


@record
class EarlierRun:
    """A run that another one is compared with."""

    id: str
    display_name: str
    created_at: int
