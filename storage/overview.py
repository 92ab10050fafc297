"""Records of what is summed up: a run as a list shows it, what went wrong in it, its metrics, counts of runs."""

from storage.lineage import DOERS
from storage.record import record


@record
class RunRow:
    """A run without what can be long."""

    id: str
    experiment_id: str
    display_name: str
    namespace: str
    storage_state: str
    state: str
    pipeline_id: str
    pipeline_version_id: str
    created_at: int
    finished_at: int | None
    updated_at: int


@record
class FailedTask:
    """A task that failed. `status` is the beginning of its status metadata, JSON that may be cut."""

    id: str
    run_id: str
    name: str
    display_name: str
    type: int
    status: str | None

    @property
    def is_doer(self) -> bool:
        """Whether the task does something itself."""
        return self.type in DOERS


@record
class RunMetric:
    """A metric of a run, and the artifact that holds it."""

    run_id: str
    name: str
    value: float
    artifact_id: str


@record
class StateCount:
    """How many of the newest runs in a state there are in a namespace; `examined` is how many were looked at."""

    state: str
    examined: int
    count: int


@record
class LastWrites:
    """When the newest tasks of a run were last written, and the last of its links."""

    tasks_updated_at: int  # 0 without tasks
    last_link_id: str  # empty without links
