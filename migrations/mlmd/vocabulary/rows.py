"""What is read from an MLMD store and from KFP's own database: one frozen class per kind of row, with values as in the tables.

The readers create them and the mapping reads them; neither imports the other. Times are milliseconds since 1970 as in MLMD,
0 when missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from storage.documents.plain import Plain


class RunKind(Enum):
    """What recorded a run; it decides which rules map it."""

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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """An execution; state is None where the column is NULL."""

    id: int
    type: str | None
    name: str
    state: int | None
    created: int
    updated: int
    properties: tuple[PropertyRow, ...] = ()
    external_id: str = ""
    node: str = ""  # the name of its context of type node, where there is one


@dataclass(frozen=True, slots=True)
class ArtifactRow:
    """An artifact; uri, name and state are None where the column is NULL."""

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


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event and the steps of its path in their order: text for keys, numbers for indexes."""

    id: int
    artifact_id: int
    execution_id: int
    type: int
    at: int
    steps: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an artifact comes from: the first event that made it in any run, else the first that used it in one.

    The records of an artifact depend on its own row and its origin alone, so that all runs that use it map it alike.
    """

    context_id: int  # 0 for an artifact that no run used or made and no attribution ties to a run
    namespace: str
    at: int  # when the event was, else when the run began
    key: str = ""  # of the event that made it
    maker: ExecutionRow | None = None  # the execution that made it, with the properties that name it at least


@dataclass(frozen=True, slots=True)
class KfpRun:
    """What KFP's own database has of a run. Times are microseconds, None when missing; history and spec are the text that Lineal stores."""

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


@dataclass(frozen=True, slots=True)
class RunRows:
    """All rows of one run: the unit of the mapping. Executions and events are sorted by id.

    artifacts holds every artifact that the events name and that exists. An execution of several runs is in the first only.
    """

    context: ContextRow
    executions: tuple[ExecutionRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    artifacts: Mapping[int, ArtifactRow] = field(default_factory=dict)
    artifact_origins: Mapping[int, Origin] = field(default_factory=dict)
    kfp: KfpRun | None = None
