"""The rows of an MLMD store and of KFP's own database: one frozen class per kind of row, with values as in the tables.

The readers create them and the mapping reads them; neither imports the other. Times are milliseconds since 1970 as in MLMD,
0 when missing.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import Enum
from typing import NamedTuple

from storage.documents.plain import Plain
from storage.record import record


class RunKind(Enum):
    """What recorded a run, which determines the rules that map it."""

    KFP_V2 = "KFP v2"
    KFP_V1 = "KFP v1"
    GENERIC = "generic"


class PropertyRow(NamedTuple):
    """One property: its name, whether it is a custom one, and the value columns, of which MLMD fills one."""

    name: str
    custom: bool
    integer: object = None
    double: object = None
    text: object = None
    bytes: object = None
    proto: object = None
    boolean: object = None


@record
class ContextRow:
    """A context that is a run; the type is None when its row is missing."""

    id: int
    type: str | None
    kind: RunKind
    name: str
    created: int
    updated: int
    properties: tuple[PropertyRow, ...] = ()
    pipeline_name: str = ""  # of its parent context
    repeats: bool = False  # whether an earlier run has its name


@record
class ExecutionRow:
    """An execution; state is None if the column is NULL."""

    id: int
    type: str | None
    name: str
    state: int | None
    created: int
    updated: int
    properties: tuple[PropertyRow, ...] = ()
    external_id: str = ""
    node: str = ""  # the name of its context of type node, if it has one


@record
class ArtifactRow:
    """An artifact; uri, name and state are None if the column is NULL."""

    id: int
    type: str | None
    uri: str | None
    state: int | None
    name: str | None
    created: int
    updated: int
    properties: tuple[PropertyRow, ...] = ()
    external_id: str = ""
    type_version: str = ""


@record
class EventRow:
    """An event and the steps of its path in their order: text for keys, numbers for indexes."""

    id: int
    artifact_id: int
    execution_id: int
    type: int
    at: int
    steps: tuple[str | int, ...] = ()


@record
class Origin:
    """The origin of an artifact: the first event that made it in any run, otherwise the first that used it in one.

    The records of an artifact depend only on its own row and its origin, so that all runs that use it map it in the same way.
    """

    context_id: int  # 0 for an artifact that no run used or made and no attribution assigns to a run
    namespace: str
    at: int  # the time of the event, otherwise of the run's beginning
    key: str = ""  # of the event that made it
    maker: ExecutionRow | None = None  # the execution that made it, with at least the properties that contain its name


@record
class KfpRun:
    """A run in KFP's own database. Times are microseconds, None when missing; history and spec are texts as Lineal stores them."""

    id: str
    name: str = ""
    workflow_name: str = ""
    namespace: str = ""
    state: str = ""  # of storage.model.RunState, "" when unknown
    state_history: str | None = None
    experiment_id: str = ""
    description: str = ""
    storage_state: str = "AVAILABLE"
    service_account: str = ""
    recurring_run_id: str = ""
    pipeline_id: str = ""
    pipeline_version_id: str = ""
    pipeline_root: str = ""
    parameters: Mapping[str, Plain] = field(default_factory=dict)  # clean values
    pipeline_spec: str | None = None
    created_at: int | None = None
    scheduled_at: int | None = None
    finished_at: int | None = None
    fingerprints: Mapping[int, str] = field(default_factory=dict)  # execution id → fingerprint in KFP's old cache table


@record
class RunRows:
    """All rows of one run: the unit of the mapping. Executions and events are sorted by id.

    artifacts has every artifact that the events name, if it exists. An execution of several runs is only in the first one.
    """

    context: ContextRow
    executions: tuple[ExecutionRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    artifacts: Mapping[int, ArtifactRow] = field(default_factory=dict)
    artifact_origins: Mapping[int, Origin] = field(default_factory=dict)
    kfp: KfpRun | None = None
