"""A small store of ML Metadata, as an older KFP would have left it behind: what the demo imports."""

import base64
import uuid
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct
from sqlalchemy import Connection, create_engine, text

SCHEMA_VERSION = 10
RUNS = 3
DAY_MILLISECONDS = 24 * 3600 * 1000
DAYS_AGO = 60
"""How many days ago the last of its runs began; they are a week apart."""

_NAMES = uuid.UUID("5b1d7d0c-62de-4a0c-8a53-90b5a90d1f44")
_OUTPUT, _INPUT = 4, 3
_RUNNING, _COMPLETE = 2, 3
TYPES = (
    ("system.Pipeline", 2),
    ("system.PipelineRun", 2),
    ("system.DAGExecution", 0),
    ("system.ContainerExecution", 0),
    ("system.Dataset", 1),
    ("system.Model", 1),
    ("system.Metrics", 1),
)
"""Types by their ids, which count from 1: name and kind (0 execution, 1 artifact, 2 context)."""
_PIPELINE, _RUN, _DAG, _CONTAINER, _DATASET, _MODEL, _METRICS = range(1, len(TYPES) + 1)

_TIMES = "create_time_since_epoch INT NOT NULL DEFAULT 0, last_update_time_since_epoch INT NOT NULL DEFAULT 0"
_NODE = f"id INTEGER PRIMARY KEY, type_id INT NOT NULL, external_id VARCHAR(255) UNIQUE, {_TIMES}"
_VALUES = (
    "name VARCHAR(255) NOT NULL, is_custom_property TINYINT(1) NOT NULL, int_value INT, double_value DOUBLE, "
    "string_value TEXT, byte_value BLOB, proto_value BLOB, bool_value BOOLEAN"
)
TABLES = {
    "MLMDEnv": "schema_version INTEGER PRIMARY KEY",
    "Type": "id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, version VARCHAR(255), type_kind TINYINT(1) NOT NULL, "
    "description TEXT, input_type TEXT, output_type TEXT, external_id VARCHAR(255) UNIQUE",
    "TypeProperty": "type_id INT NOT NULL, name VARCHAR(255) NOT NULL, data_type INT, PRIMARY KEY (type_id, name)",
    "ParentType": "type_id INT NOT NULL, parent_type_id INT NOT NULL, PRIMARY KEY (type_id, parent_type_id)",
    "Artifact": f"{_NODE}, uri TEXT, state INT, name VARCHAR(255), UNIQUE (type_id, name)",
    "ArtifactProperty": f"artifact_id INT NOT NULL, {_VALUES}, PRIMARY KEY (artifact_id, name, is_custom_property)",
    "Execution": f"{_NODE}, last_known_state INT, name VARCHAR(255), UNIQUE (type_id, name)",
    "ExecutionProperty": f"execution_id INT NOT NULL, {_VALUES}, PRIMARY KEY (execution_id, name, is_custom_property)",
    "Context": f"{_NODE}, name VARCHAR(255) NOT NULL, UNIQUE (type_id, name)",
    "ContextProperty": f"context_id INT NOT NULL, {_VALUES}, PRIMARY KEY (context_id, name, is_custom_property)",
    "ParentContext": "context_id INT NOT NULL, parent_context_id INT NOT NULL, PRIMARY KEY (context_id, parent_context_id)",
    "Event": "id INTEGER PRIMARY KEY, artifact_id INT NOT NULL, execution_id INT NOT NULL, type INT NOT NULL, "
    "milliseconds_since_epoch INT, UNIQUE (artifact_id, execution_id, type)",
    "EventPath": "event_id INT NOT NULL, is_index_step TINYINT(1) NOT NULL, step_index INT, step_key TEXT",
    "Association": "id INTEGER PRIMARY KEY, context_id INT NOT NULL, execution_id INT NOT NULL, "
    "UNIQUE (context_id, execution_id)",
    "Attribution": "id INTEGER PRIMARY KEY, context_id INT NOT NULL, artifact_id INT NOT NULL, "
    "UNIQUE (context_id, artifact_id)",
}
"""The tables of MLMD's schema 10 that an importer reads: the text of their columns and keys, by name."""


def write_mlmd_store(path: str, end: int) -> None:
    """Write the store into a new SQLite file, as it would be at a moment in microseconds UTC."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for name, columns in TABLES.items():
            connection.execute(text(f"CREATE TABLE {name} ({columns})"))
        _Writer(connection).write(end // 1000)
    engine.dispose()


class _Writer:
    """Writes rows; ids count from 1 in every table."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}

    def write(self, end: int) -> None:
        self._add("MLMDEnv", schema_version=SCHEMA_VERSION)
        for name, kind in TYPES:
            self._add("Type", id=self._id("Type"), name=name, type_kind=kind)
        first = end - (DAYS_AGO + 7 * RUNS) * DAY_MILLISECONDS
        pipeline = self._node("Context", _PIPELINE, first, name="score-customers")
        for number in range(1, RUNS + 1):
            self._run(number, pipeline, first + number * 7 * DAY_MILLISECONDS)

    def _run(self, number: int, pipeline: int, at: int) -> None:
        run_id = str(uuid.uuid5(_NAMES, f"run {number}"))
        root = f"s3://legacy/score-customers/{run_id}"
        run = self._node("Context", _RUN, at, name=run_id)
        self._add("ParentContext", context_id=run, parent_context_id=pipeline)
        self._properties(
            "Context", run, {"namespace": "legacy", "pipeline_root": root, "resource_name": f"score-{number}"}
        )
        dag = self._node("Execution", _DAG, at, name=f"run/{run_id}", last_known_state=_RUNNING)
        self._properties("Execution", dag, {"display_name": "", "task_name": ""})
        load = self._task(dag, "load-customers", at + 3_000, 95_000, {"table": "customers"})
        score = self._task(dag, "score", at + 101_000, 240_000, {"threshold": 0.5})
        customers = self._artifact(
            _DATASET, "customers", f"{root}/load-customers/customers", at + 95_000, {"rows": 1.6e6}
        )
        model = self._artifact(_MODEL, "model", "s3://legacy/models/churn-2024", at + 4_000, {"framework": "sklearn"})
        scores = self._artifact(_DATASET, "scores", f"{root}/score/scores", at + 330_000, {"rows": 1.6e6})
        metrics = self._artifact(
            _METRICS, "metrics", f"{root}/score/metrics", at + 331_000, {"auc": 0.81 + number / 250}
        )
        for artifact, key in ((customers, "customers"), (model, "model")):
            self._event(artifact, load, _OUTPUT, key, at + 95_000)
            self._event(artifact, score, _INPUT, key, at + 101_000)
        for artifact, key in ((scores, "scores"), (metrics, "metrics")):
            self._event(artifact, score, _OUTPUT, key, at + 331_000)
        for context in (pipeline, run):
            for execution in (dag, load, score):
                self._add("Association", id=self._id("Association"), context_id=context, execution_id=execution)
            for artifact in (customers, model, scores, metrics):
                self._add("Attribution", id=self._id("Attribution"), context_id=context, artifact_id=artifact)

    def _task(self, parent: int, name: str, at: int, took: int, inputs: Mapping[str, Any]) -> int:
        task = self._node("Execution", _CONTAINER, at, updated=at + took, last_known_state=_COMPLETE)
        uid = uuid.uuid5(_NAMES, f"pod {task}")
        pod = {"pod_name": f"score-customers-{uid.hex[:5]}", "pod_uid": str(uid), "namespace": "legacy"}
        texts = {"display_name": name, "task_name": name, "inputs": _struct(inputs), **pod}
        self._properties("Execution", task, {**texts, "parent_dag_id": parent})
        return task

    def _artifact(self, type: int, name: str, uri: str, at: int, metadata: Mapping[str, Any]) -> int:
        artifact = self._node("Artifact", type, at, uri=uri, state=2)
        self._properties("Artifact", artifact, {"display_name": name, **metadata})
        return artifact

    def _event(self, artifact: int, execution: int, type: int, key: str, at: int) -> None:
        event = self._id("Event")
        values = {"id": event, "artifact_id": artifact, "execution_id": execution, "type": type}
        self._add("Event", **values, milliseconds_since_epoch=at)
        self._add("EventPath", event_id=event, is_index_step=0, step_key=key)

    def _node(self, table: str, type: int, at: int, *, updated: int = 0, **columns: Any) -> int:
        id = self._id(table)
        times = {"create_time_since_epoch": at, "last_update_time_since_epoch": updated or at}
        self._add(table, id=id, type_id=type, **times, **columns)
        return id

    def _properties(self, owner: str, id: int, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            kind = {int: "int_value", float: "double_value"}.get(type(value), "string_value")
            owner_id = {f"{owner.lower()}_id": id}
            self._add(f"{owner}Property", **owner_id, name=name, is_custom_property=1, **{kind: value})

    def _id(self, table: str) -> int:
        self._ids[table] = self._ids.get(table, 0) + 1
        return self._ids[table]

    def _add(self, table: str, **values: Any) -> None:
        names = ", ".join(values)
        self._connection.execute(
            text(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})"), values
        )


def _struct(values: Mapping[str, Any]) -> str:
    message = Struct()
    message.update(dict(values))
    return "mlmd-struct::" + base64.b64encode(message.SerializeToString(deterministic=True)).decode()
