"""Records of the search: where a list goes on, and what is looked through beside the nodes."""

from enum import Enum

from storage.record import record


class Along(Enum):
    """What all runs of a list have in common: the column, None for all runs."""

    CREATED = None
    NAMESPACE = "namespace"
    STATE = "state"
    EXPERIMENT = "experiment_id"
    PIPELINE = "pipeline_id"


@record
class After:
    """A row, after which a list goes on: its creation time in microseconds, and its id. There need not be such a row."""

    created_at: int
    id: str = ""


@record
class TasksFrom:
    """A run, and the row after which its tasks are wanted."""

    run_id: str
    after: After


@record
class LinksFrom:
    """A run, and the id after which its links are wanted."""

    run_id: str
    after_id: str = ""


@record
class MetricOfRun:
    """A number that a task of a run put out under a name."""

    run_id: str
    name: str
    number: float


@record
class PipelineNames:
    """What a pipeline is called."""

    id: str
    name: str
    display_name: str
    namespace: str
