"""The fields by which lists can be filtered and sorted: for each list, its wire keys and the columns behind them.

Filters and sorting refuse a key that is not listed here. `storage.filters` and `storage.pages` read these maps,
services pass them on, and `storage/sql` turns their columns into SQL.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from enum import Enum, IntEnum
from types import MappingProxyType

from storage.filter_message import PREDICATE_NAMES, PREDICATE_NAMES_V1BETA1
from storage.model import ArtifactType, IOType, RunState, StorageState, TaskState, TaskType
from storage.record import record

TAG_PREFIX = "tags."
"""In lists whose rows have tags, a filter key with this prefix, followed by a tag's key, compares that tag."""

METRIC_PREFIX = "metric:"
"""Runs may be sorted by a metric of KFP's first API. Lineal's runs have no metrics, so they all compare equal."""

SORTED_CHARACTERS = 255
"""How many characters of a long field are used for sorting: a page token has to contain them."""


class FieldKind(Enum):
    """How a column is stored, and therefore which values a filter may compare it with."""

    TEXT = "text"
    JSON = "json"
    NUMBERED_ENUM = "numbered enum"  # stored as its number
    NAMED_ENUM = "named enum"  # stored as its name
    TIME = "time"  # stored as whole microseconds, UTC
    NUMBER = "number"
    TAG = "tag"  # a tag of the row, whose key follows TAG_PREFIX


@record
class Field:
    """One key of a list and its column; `column` names the record's attribute and the table's column.

    `long` says that only the first SORTED_CHARACTERS characters are sorted by. `names` has further spellings of enum names.
    `digest_column` holds the SHA-256 of the value, to find equal values with an index. `is_indexed` says that rows with a value
    are found by an index, in the order of their creation; of texts it has no empty ones. Filters treat an absent value as
    `absent`; if that is None, an absent value matches no filter.
    """

    key: str
    column: str
    kind: FieldKind = FieldKind.TEXT
    enum: type[IntEnum] | None = None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), compare=False)
    nullable: bool = False
    long: bool = False
    digest_column: str | None = None
    is_indexed: bool = False
    absent: int | None = None
    sortable: bool = True
    filterable: bool = True


class FieldSet(Mapping[str, Field]):
    """Fields of one list by wire key; of keys that share a column, predicates and orders use the first.

    `more` returns the fields of keys that cannot be enumerated, such as those of tags.
    """

    def __init__(self, *fields: Field, more: Callable[[str], Field | None] | None = None) -> None:
        self._fields = {each.key: each for each in fields}
        self._more = more or _no_more

    def find(self, key: str) -> Field | None:
        """Return the field of a key, None when the list has none."""
        return self._fields.get(key) or self._more(key)

    def __getitem__(self, key: str) -> Field:
        field = self.find(key)
        if field is None:
            raise KeyError(key)
        return field

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


@record
class Order:
    """A list is sorted by this field, then by id, both in the same direction."""

    field: Field
    descending: bool


@record
class Listable:
    """How to read a list request: its fields, its default order, and the names that a predicate's fields may have."""

    fields: FieldSet
    default_order: Order
    predicate_names: Mapping[str, str] = field(default_factory=lambda: PREDICATE_NAMES, compare=False)


_V1_RUN_STATES = MappingProxyType(
    {
        "Pending": RunState.PENDING.name,
        "Running": RunState.RUNNING.name,
        "Succeeded": RunState.SUCCEEDED.name,
        "Skipped": RunState.SKIPPED.name,
        "Failed": RunState.FAILED.name,
        "Error": RunState.FAILED.name,
        "Terminating": RunState.CANCELING.name,
        "Canceling": RunState.CANCELING.name,
        "Canceled": RunState.CANCELED.name,
        "Paused": RunState.PAUSED.name,
    }
)


_V1_STORAGE_STATES = MappingProxyType({f"STORAGESTATE_{state.name}": state.name for state in list(StorageState)[1:]})


def _no_more(_key: str) -> Field | None:
    return None


def _tag(key: str) -> Field | None:
    is_tag = key.startswith(TAG_PREFIX) and key != TAG_PREFIX
    return Field(key, key, FieldKind.TAG, sortable=False) if is_tag else None


def _metric(key: str) -> Field | None:
    is_metric = key.startswith(METRIC_PREFIX) and key != METRIC_PREFIX
    return Field(key, "id", filterable=False) if is_metric else None


def _json(key: str, column: str, *, nullable: bool = True) -> Field:
    return Field(key, column, FieldKind.JSON, nullable=nullable, long=True)


def _time(key: str, column: str, *, nullable: bool = False, absent: int | None = None) -> Field:
    return Field(key, column, FieldKind.TIME, nullable=nullable, absent=absent)


TASKS: FieldSet = FieldSet(
    Field("task_id", "id"),
    Field("run_id", "run_id"),
    Field("parent_task_id", "parent_task_id", nullable=True),
    Field("name", "name"),
    Field("display_name", "display_name", long=True),
    Field("type", "type", FieldKind.NUMBERED_ENUM, TaskType),
    Field("status", "state", FieldKind.NUMBERED_ENUM, TaskState),
    Field("state", "state", FieldKind.NUMBERED_ENUM, TaskState, sortable=False),
    Field("cache_fingerprint", "cache_fingerprint"),
    Field("scope_path", "scope_path", long=True),
    _time("create_time", "created_at"),
    _time("start_time", "started_at", nullable=True),
    _time("end_time", "finished_at", nullable=True),
    _json("pods", "pods"),
    _json("status_metadata", "status_metadata"),
    _json("state_history", "state_history"),
    _json("type_attributes", "type_attributes"),
    _json("inputs", "input_parameters"),
    _json("outputs", "output_parameters"),
)

ARTIFACTS: FieldSet = FieldSet(
    Field("artifact_id", "id"),
    Field("id", "id"),
    Field("namespace", "namespace"),
    Field("name", "name"),
    Field("type", "type", FieldKind.NUMBERED_ENUM, ArtifactType),
    Field("uri", "uri", nullable=True, long=True, digest_column="uri_hash"),
    Field("description", "description", long=True),
    _time("created_at", "created_at"),
    _time("last_update", "updated_at"),
    _json("metadata", "metadata"),
    Field("number_value", "number_value", FieldKind.NUMBER, nullable=True),
)

ARTIFACT_TASKS: FieldSet = FieldSet(
    Field("id", "id"),
    Field("artifact_id", "artifact_id"),
    Field("task_id", "task_id"),
    Field("run_id", "run_id"),
    Field("type", "type", FieldKind.NUMBERED_ENUM, IOType),
    Field("key", "key"),
    _json("producer", "producer", nullable=False),
)


def _storage_state(names: Mapping[str, str]) -> Field:
    return Field("storage_state", "storage_state", FieldKind.NAMED_ENUM, StorageState, names=names)


def _runs(storage_states: Mapping[str, str]) -> FieldSet:
    return FieldSet(
        Field("run_id", "id"),
        Field("id", "id"),
        Field("display_name", "display_name", long=True),
        Field("name", "display_name", long=True),
        Field("description", "description", long=True),
        Field("namespace", "namespace"),
        Field("experiment_id", "experiment_id"),
        Field("recurring_run_id", "recurring_run_id", is_indexed=True),
        Field("pipeline_id", "pipeline_id", is_indexed=True),
        Field("pipeline_version_id", "pipeline_version_id", is_indexed=True),
        replace(_storage_state(storage_states), is_indexed=True),
        Field("state", "state", FieldKind.NAMED_ENUM, RunState, is_indexed=True),
        Field("status", "state", FieldKind.NAMED_ENUM, RunState, names=_V1_RUN_STATES, is_indexed=True),
        _time("created_at", "created_at"),
        _time("scheduled_at", "scheduled_at"),
        # Clients see 1970 until a run ends, and may filter by it.
        _time("finished_at", "finished_at", nullable=True, absent=0),
        _json("state_history", "state_history", nullable=False),
        _json("runtime_details", "runtime_config"),
        more=_metric,
    )


def _experiments(storage_states: Mapping[str, str]) -> FieldSet:
    return FieldSet(
        Field("experiment_id", "id"),
        Field("id", "id"),
        Field("display_name", "name"),
        Field("name", "name"),
        Field("description", "description", long=True),
        Field("namespace", "namespace"),
        _storage_state(storage_states),
        _time("created_at", "created_at"),
        _time("last_run_created_at", "last_run_created_at"),
    )


RUNS, RUNS_V1BETA1 = _runs({}), _runs(_V1_STORAGE_STATES)

EXPERIMENTS, EXPERIMENTS_V1BETA1 = _experiments({}), _experiments(_V1_STORAGE_STATES)

PIPELINES: FieldSet = FieldSet(
    Field("pipeline_id", "id"),
    Field("id", "id"),
    Field("name", "name"),
    Field("display_name", "display_name", long=True),
    Field("description", "description", long=True),
    Field("namespace", "namespace"),
    _time("created_at", "created_at"),
    more=_tag,
)

PIPELINE_VERSIONS: FieldSet = FieldSet(
    Field("pipeline_version_id", "id"),
    Field("id", "id"),
    Field("name", "name"),
    Field("display_name", "display_name", long=True),
    Field("description", "description", long=True),
    Field("status", "status"),
    _json("pipeline_spec", "pipeline_spec"),
    _time("created_at", "created_at"),
    more=_tag,
)

# Lineal has no recurring runs, so no row is ever compared with these: they only determine which requests are valid.
RECURRING_RUNS: FieldSet = FieldSet(
    Field("recurring_run_id", "id"),
    Field("id", "id"),
    Field("name", "name"),
    Field("display_name", "display_name"),
    Field("status", "status"),
    Field("namespace", "namespace"),
    Field("experiment_id", "experiment_id"),
    _time("created_at", "created_at"),
)

TASK_LIST = Listable(TASKS, Order(TASKS["create_time"], descending=False))
ARTIFACT_LIST = Listable(ARTIFACTS, Order(ARTIFACTS["created_at"], descending=False))
ARTIFACT_TASK_LIST = Listable(ARTIFACT_TASKS, Order(ARTIFACT_TASKS["id"], descending=False))
RUN_LIST = Listable(RUNS, Order(RUNS["created_at"], descending=False))
PIPELINE_LIST = Listable(PIPELINES, Order(PIPELINES["created_at"], descending=False))
PIPELINE_VERSION_LIST = Listable(PIPELINE_VERSIONS, Order(PIPELINE_VERSIONS["created_at"], descending=False))
RECURRING_RUN_LIST = Listable(RECURRING_RUNS, Order(RECURRING_RUNS["created_at"], descending=False))
EXPERIMENT_LIST = Listable(EXPERIMENTS, Order(EXPERIMENTS["created_at"], descending=False))


# KFP's first API uses different words in filters.
RUN_LIST_V1BETA1 = Listable(RUNS_V1BETA1, RUN_LIST.default_order, PREDICATE_NAMES_V1BETA1)
EXPERIMENT_LIST_V1BETA1 = Listable(EXPERIMENTS_V1BETA1, EXPERIMENT_LIST.default_order, PREDICATE_NAMES_V1BETA1)
PIPELINE_LIST_V1BETA1 = replace(PIPELINE_LIST, predicate_names=PREDICATE_NAMES_V1BETA1)
PIPELINE_VERSION_LIST_V1BETA1 = replace(PIPELINE_VERSION_LIST, predicate_names=PREDICATE_NAMES_V1BETA1)
RECURRING_RUN_LIST_V1BETA1 = replace(RECURRING_RUN_LIST, predicate_names=PREDICATE_NAMES_V1BETA1)
