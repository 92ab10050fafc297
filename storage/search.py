"""Records of the search: where a list goes on, and what is looked through beside the nodes."""

from dataclasses import dataclass
from enum import Enum


class Along(Enum):
    """What all runs of a list have in common: the column, None for all runs."""

    CREATED = None
    NAMESPACE = "namespace"
    STATE = "state"
    EXPERIMENT = "experiment_id"
    PIPELINE = "pipeline_id"


@dataclass(frozen=True, slots=True)
class After:
    """A row, after which a list goes on: its creation time in microseconds, and its id. There need not be such a row."""

    created_at: int
    id: str = ""


@dataclass(frozen=True, slots=True)
class TasksFrom:
    """A run, and the row after which its tasks are wanted."""

    run_id: str
    after: After


@dataclass(frozen=True, slots=True)
class LinksFrom:
    """A run, and the id after which its links are wanted."""

    run_id: str
    after_id: str = ""


@dataclass(frozen=True, slots=True)
class MetricOfRun:
    """A number that a task of a run put out under a name."""

    run_id: str
    name: str
    number: float


@dataclass(frozen=True, slots=True)
class PipelineNames:
    """What a pipeline is called."""

    id: str
    name: str
    display_name: str
    namespace: str
