"""The records that Lineal stores: one frozen class per table, and the numbers of their enums.

Times are whole microseconds since 1970-01-01 UTC, ids are text of at most 191 bytes. A field with the comment JSON is text
in protobuf's JSON form (lowerCamel names, enum names, int64 as strings); nothing in `storage` parses it.
Every layer may import this module.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum

from storage.record import record

NO_ITERATION = -1
"""The value of `ArtifactTask.iteration` when the producer has no iteration, so that a unique key can contain it."""


class TaskState(IntEnum):
    """States of a task; the numbers are those of the wire."""

    RUNTIME_STATE_UNSPECIFIED = 0
    RUNNING = 1
    SUCCEEDED = 2
    SKIPPED = 3
    FAILED = 4
    CACHED = 5


class TaskType(IntEnum):
    """Kinds of tasks; the numbers are those of the wire."""

    TASK_TYPE_UNSPECIFIED = 0
    ROOT = 1
    RUNTIME = 2
    CONDITION_BRANCH = 3
    CONDITION = 4
    LOOP = 5
    EXIT_HANDLER = 6
    IMPORTER = 7
    DAG = 8


class ArtifactType(IntEnum):
    """Kinds of artifacts; the numbers are those of the wire."""

    TYPE_UNSPECIFIED = 0
    Artifact = 1
    Model = 2
    Dataset = 3
    HTML = 4
    Markdown = 5
    Metric = 6
    ClassificationMetric = 7
    SlicedClassificationMetric = 8


class IOType(IntEnum):
    """How a parameter or an artifact is related to a task; the numbers are those of the wire."""

    UNSPECIFIED = 0
    COMPONENT_DEFAULT_INPUT = 1
    TASK_OUTPUT_INPUT = 2
    COMPONENT_INPUT = 3
    RUNTIME_VALUE_INPUT = 4
    COLLECTED_INPUTS = 5
    ITERATOR_INPUT = 6
    ITERATOR_INPUT_RAW = 7
    ITERATOR_OUTPUT = 8
    OUTPUT = 9
    ONE_OF_OUTPUT = 10
    TASK_FINAL_STATUS_OUTPUT = 11


class PodType(IntEnum):
    """What a pod does for its task; the numbers are those of the wire."""

    UNSPECIFIED = 0
    DRIVER = 1
    EXECUTOR = 2


class RunState(IntEnum):
    """States of a run; stored by name, as readers of the table expect."""

    RUNTIME_STATE_UNSPECIFIED = 0
    PENDING = 1
    RUNNING = 2
    SUCCEEDED = 3
    SKIPPED = 4
    FAILED = 5
    CANCELING = 6
    CANCELED = 7
    PAUSED = 8


class StorageState(IntEnum):
    """Whether a run or an experiment is archived; stored by name."""

    STORAGE_STATE_UNSPECIFIED = 0
    AVAILABLE = 1
    ARCHIVED = 2


@record
class Experiment:
    """A named group of runs."""

    id: str
    name: str
    created_at: int
    description: str = ""
    namespace: str = ""
    storage_state: str = StorageState.AVAILABLE.name
    last_run_created_at: int = 0  # 0 without runs


def default_experiment(id: str, *, created_at: int) -> Experiment:
    """Return a new experiment for runs that do not name one, with the name and description that KFP's clients expect."""
    description = "All runs created without specifying an experiment will be grouped here."
    return Experiment(id=id, name="Default", description=description, created_at=created_at)


@record
class Pipeline:
    """A named series of pipeline versions."""

    id: str
    name: str
    created_at: int
    display_name: str = ""
    description: str = ""
    namespace: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@record
class PipelineVersion:
    """One specification of a pipeline."""

    id: str
    pipeline_id: str
    name: str
    created_at: int
    display_name: str = ""
    description: str = ""
    package_url: str = ""
    code_source_url: str = ""
    status: str = "READY"  # every version that exists is ready
    pipeline_spec: str | None = None  # JSON
    tags: Mapping[str, str] = field(default_factory=dict)


@record
class RunHead:
    """The small part of a run that permission, existence and state rules need."""

    id: str
    experiment_id: str
    namespace: str
    state: str
    storage_state: str
    state_history: str  # JSON
    finished_at: int | None
    display_name: str
    updated_at: int


@record
class Run:
    """One execution of a pipeline."""

    id: str
    experiment_id: str
    display_name: str
    created_at: int
    scheduled_at: int
    updated_at: int
    namespace: str = ""
    description: str = ""
    storage_state: str = StorageState.AVAILABLE.name
    state: str = RunState.PENDING.name
    state_history: str = "[]"  # JSON
    finished_at: int | None = None
    service_account: str = ""
    recurring_run_id: str = ""
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    runtime_config: str | None = None  # JSON
    plugins_input: str | None = None  # JSON
    pipeline_spec: str | None = None  # JSON


@record
class ShownRun:
    """A run as it is shown: `has_version` says whether the pipeline version it names exists and has a specification."""

    run: Run
    has_version: bool
    task_count: int = 0


@record
class RunActivity:
    """A summary of a run's recorded tasks and links, which changes whenever one of them is written."""

    task_count: int
    tasks_updated_at: int  # 0 without tasks
    last_link_id: str  # empty without links


@record
class RunChange:
    """When a run was created, and when it last changed."""

    id: str
    created_at: int
    updated_at: int


@record
class Task:
    """One step of a run, or a group of steps."""

    id: str
    run_id: str
    created_at: int
    updated_at: int
    namespace: str = ""
    parent_task_id: str | None = None
    name: str = ""
    display_name: str = ""
    type: int = 0
    state: int = 0
    started_at: int | None = None
    finished_at: int | None = None
    cache_fingerprint: str = ""
    scope_path: str = ""
    logical_key: str | None = None
    pods: str | None = None  # JSON
    status_metadata: str | None = None  # JSON
    state_history: str | None = None  # JSON
    type_attributes: str | None = None  # JSON
    input_parameters: str | None = None  # JSON
    output_parameters: str | None = None  # JSON


@record
class TaskHead:
    """The small part of a task that ownership checks and links need."""

    id: str
    run_id: str
    namespace: str
    name: str


@record
class TaskProgress:
    """How far a task has come, which decides whether a retry of its run starts it again."""

    id: str
    state: int
    state_history: str | None  # JSON


@record
class TaskAttempt:
    """All that changes of a task when it is started again; the rest of it stays."""

    id: str
    updated_at: int
    state: int
    state_history: str | None  # JSON
    started_at: int | None
    finished_at: int | None = None
    pods: str | None = None  # JSON
    status_metadata: str | None = None  # JSON
    output_parameters: str | None = None  # JSON


@record
class RunningTask:
    """What must be known of a running task to end it."""

    id: str
    state_history: str | None  # JSON
    status_metadata: str | None  # JSON


@record
class TaskEnd:
    """All that changes of a task when it is ended; the rest of it stays."""

    id: str
    updated_at: int
    state: int
    finished_at: int
    state_history: str | None  # JSON
    status_metadata: str | None  # JSON


@record
class CommonEnd:
    """How many tasks end at once: `entry` is the JSON object that each gets at the end of its history."""

    state: int
    moment: int
    entry: str
    status_metadata: str  # JSON


@record
class TaskOutline:
    """The fields of a task that a graph of its run needs."""

    id: str
    parent_task_id: str | None
    name: str
    display_name: str
    type: int
    type_attributes: str | None  # JSON
    input_parameters: str | None  # JSON
    output_parameters: str | None  # JSON


@record
class LinkOutline:
    """The fields of a link and its artifact that a graph of the run needs."""

    task_id: str
    artifact_id: str
    type: int
    key: str
    producer: str  # JSON
    artifact_type: int
    uri: str | None


@record
class ChildTask:
    """A task as it is listed in its parent."""

    id: str
    name: str
    parent_task_id: str


@record
class Artifact:
    """Something that a task made or used: a model, a dataset, a metric."""

    id: str
    name: str
    type: int
    created_at: int
    updated_at: int
    namespace: str = ""
    description: str = ""
    uri: str | None = None
    uri_hash: str = ""
    metadata: str | None = None  # JSON
    number_value: float | None = None
    identity_key: str | None = None


@record
class ArtifactTask:
    """A link: which task used or made which artifact, and under which key."""

    id: str
    artifact_id: str
    task_id: str
    run_id: str
    type: int
    key: str
    producer: str  # JSON
    iteration: int = NO_ITERATION


@record
class LinkedArtifact:
    """A link together with the artifact it points to."""

    link: ArtifactTask
    artifact: Artifact


@record
class KeptAnswer:
    """The answer of a call that brought an idempotency key, for when it is sent again.

    `id` and `content` are digests of whose key it is, and of what was asked. What `answer` is, `answer_type` says.
    """

    id: str
    content: str
    answer_type: str
    answer: bytes
    created_at: int
