"""Creates large MLMD stores in SQLite files: runs of KFP v2 with tasks, artifacts and events.

Benchmarks call `make_store`, then `change_store` between imports. A run has a root and 19 containers; a store of 100,000
executions has 305,000 artifacts and 590,000 events.
"""

import base64
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from google.protobuf.struct_pb2 import Struct

from server.demo.mlmd_store import SCHEMA_VERSION, TABLES, TYPES

EXECUTIONS_PER_RUN = 20
ARTIFACTS_PER_RUN = 61
CONTAINERS = EXECUTIONS_PER_RUN - 1
OUTPUTS = 3
RUNS_PER_STEP = 500

BEGINNING = 1_700_000_000_000
OUTPUT, INPUT = 4, 3
RUNNING, COMPLETE, FAILED = 2, 3, 4
TENTH = 10

PIPELINE, RUN, DAG, CONTAINER, DATASET, MODEL, METRICS = range(1, len(TYPES) + 1)

_CREATED = "".join(f"CREATE TABLE {name} ({columns});\n" for name, columns in TABLES.items())
SCHEMA = f"""{_CREATED}
INSERT INTO MLMDEnv VALUES ({SCHEMA_VERSION});
CREATE INDEX event_execution ON Event (execution_id);
CREATE INDEX eventpath_event ON EventPath (event_id);
CREATE INDEX artifact_uri ON Artifact (uri);
"""

SESSION = (
    '{"Provider":"minio","Params":{"endpoint":"storage.example:9000","region":"minio","secretName":"storage-artifact"}}'
)

Rows = dict[str, list[tuple[Any, ...]]]


def make_store(path: Path, executions: int) -> None:
    """Create a store with about this number of executions in a new file; equal numbers give equal stores."""
    runs = max(1, executions // EXECUTIONS_PER_RUN)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
        connection.executemany("INSERT INTO Type (name, type_kind) VALUES (?, ?)", TYPES)
        connection.execute(
            f"INSERT INTO Context (id, type_id, name, {_times()}) VALUES (1, {PIPELINE}, 'training', ?, ?)",
            (BEGINNING, BEGINNING),
        )
        for first in range(0, runs, RUNS_PER_STEP):
            rows: Rows = {statement: [] for statement in STATEMENTS}
            for number in range(first, min(first + RUNS_PER_STEP, runs)):
                _add_run(number, rows)
            for statement, values in rows.items():
                connection.executemany(STATEMENTS[statement], values)
        connection.commit()


def change_store(path: Path, number: int) -> None:
    """Change every tenth execution and artifact, as writers do: states, times, parameters and metadata.

    Numbers from 0 to 9 change different rows.
    """
    place = number % TENTH
    outputs = _struct({"rows": -1.0 - number, "seconds": 2.5})
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in CHANGES:
            connection.execute(statement, {"place": place, "state": FAILED, "outputs": outputs, "value": -1.5 - number})


def _times() -> str:
    return "create_time_since_epoch, last_update_time_since_epoch"


STATEMENTS = {
    "context": f"INSERT INTO Context (id, type_id, name, {_times()}) VALUES (?, ?, ?, ?, ?)",
    "parent": "INSERT INTO ParentContext VALUES (?, ?)",
    "contextproperty": "INSERT INTO ContextProperty (context_id, name, is_custom_property, string_value) VALUES (?, ?, 1, ?)",
    "execution": f"INSERT INTO Execution (id, type_id, name, last_known_state, {_times()}) VALUES (?, ?, ?, ?, ?, ?)",
    "executionproperty": "INSERT INTO ExecutionProperty (execution_id, name, is_custom_property, int_value, string_value) "
    "VALUES (?, ?, 1, ?, ?)",
    "artifact": f"INSERT INTO Artifact (id, type_id, uri, state, {_times()}) VALUES (?, ?, ?, 2, ?, ?)",
    "artifactproperty": "INSERT INTO ArtifactProperty (artifact_id, name, is_custom_property, double_value, string_value) "
    "VALUES (?, ?, 1, ?, ?)",
    "event": "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (?, ?, ?, ?, ?)",
    "eventpath": "INSERT INTO EventPath VALUES (?, 0, NULL, ?)",
    "association": "INSERT INTO Association (context_id, execution_id) VALUES (?, ?)",
    "attribution": "INSERT INTO Attribution (context_id, artifact_id) VALUES (?, ?)",
}


CHANGES = (
    f"UPDATE Execution SET last_known_state = :state, last_update_time_since_epoch = last_update_time_since_epoch + 5000 "
    f"WHERE id % {TENTH} = :place",
    f"UPDATE ExecutionProperty SET string_value = :outputs WHERE name = 'outputs' AND execution_id % {TENTH} = :place",
    f"UPDATE ArtifactProperty SET double_value = :value WHERE name = 'rows' AND artifact_id % {TENTH} = :place",
    f"UPDATE Artifact SET last_update_time_since_epoch = last_update_time_since_epoch + 5000 WHERE id % {TENTH} = :place",
)
"""Statements that change a tenth of a store."""


def _add_run(number: int, rows: Rows) -> None:
    run_id = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"benchmark run {number}"))
    context_id, at = number + 2, BEGINNING + number * 60_000
    root = f"minio://bucket/v2/artifacts/training/{run_id}"
    rows["context"].append((context_id, RUN, run_id, at, at))
    rows["parent"].append((context_id, 1))
    properties = {"namespace": "team-a", "pipeline_root": root, "resource_name": "run-resource"}
    rows["contextproperty"] += [
        (context_id, name, value) for name, value in {**properties, "store_session_info": SESSION}.items()
    ]
    first = number * EXECUTIONS_PER_RUN + 1
    rows["execution"].append((first, DAG, f"run/{run_id}", RUNNING, at, at))
    rows["executionproperty"] += [(first, name, None, "") for name in ("display_name", "task_name")]
    for place in range(CONTAINERS):
        _add_container(first + 1 + place, first, place, at + place * 1000, rows)
    rows["association"] += [
        (context, first + place) for place in range(EXECUTIONS_PER_RUN) for context in (1, context_id)
    ]
    _add_artifacts(number, first, at, root, rows)


def _add_container(id: int, parent: int, place: int, at: int, rows: Rows) -> None:
    rows["execution"].append((id, CONTAINER, None, COMPLETE, at, at + 900))
    texts = {
        "display_name": f"step {place}",
        "task_name": f"step-{place}",
        "pod_name": f"training-step-{place}-{id}",
        "pod_uid": str(uuid.UUID(int=id)),
        "namespace": "team-a",
        "image": "",
        "cache_fingerprint": f"{id:064x}",
        "inputs": _struct({"epochs": float(place), "name": f"step {place}", "nested": {"rate": 0.25, "flag": True}}),
        "outputs": _struct({"rows": float(id)}),
    }
    rows["executionproperty"] += [(id, name, None, text) for name, text in texts.items()]
    rows["executionproperty"].append((id, "parent_dag_id", parent, None))


def _add_artifacts(number: int, first: int, at: int, root: str, rows: Rows) -> None:
    base = number * ARTIFACTS_PER_RUN + 1
    makers = [place // OUTPUTS for place in range(CONTAINERS * OUTPUTS)]
    makers += [CONTAINERS - 1] * (ARTIFACTS_PER_RUN - len(makers))
    events = number * (ARTIFACTS_PER_RUN + CONTAINERS * OUTPUTS) + 1
    for place, (id, event) in enumerate(_numbered(base, events)):
        kind = METRICS if place == ARTIFACTS_PER_RUN - 1 else MODEL if place % OUTPUTS == 0 else DATASET
        key, maker = f"out{place}", first + 1 + makers[place]
        rows["artifact"].append((id, kind, f"{root}/step-{makers[place]}/{key}", at, at))
        rows["artifactproperty"] += [(id, "display_name", None, key), (id, "store_session_info", None, SESSION)]
        rows["artifactproperty"] += [
            (id, name, place / 7, None) for name in ("rows", "loss")[: 2 if kind == METRICS else 1]
        ]
        rows["event"].append((event, id, maker, OUTPUT, at))
        rows["eventpath"].append((event, key))
    inputs = events + ARTIFACTS_PER_RUN
    for place in range(CONTAINERS * OUTPUTS):
        reader = first + 1 + (makers[place] + 1) % CONTAINERS
        rows["event"].append((inputs + place, base + place, reader, INPUT, at))
        rows["eventpath"].append((inputs + place, f"in{place % OUTPUTS}"))
    rows["attribution"] += [
        (context, base + place) for place in range(ARTIFACTS_PER_RUN) for context in (1, number + 2)
    ]


def _numbered(base: int, events: int) -> Iterator[tuple[int, int]]:
    return ((base + place, events + place) for place in range(ARTIFACTS_PER_RUN))


def _struct(values: dict[str, Any]) -> str:
    message = Struct()
    message.update(values)
    return "mlmd-struct::" + base64.b64encode(message.SerializeToString(deterministic=True)).decode()
