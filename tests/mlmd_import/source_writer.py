"""A program that writes to an MLMD store, statement by statement, as MLMD does or as people do by hand."""

import sqlite3
from contextlib import closing, suppress
from typing import Any

import asyncpg
import pymysql

from tests.databases import sqlite_path
from tests.databases.queries import execute
from tests.mlmd.builders import COMPLETE, CONTAINER, CREATED, DAG, INPUT, OUTPUT, RUNNING
from tests.mlmd.copies import mysql_connection

RUN, PIPELINE = "system.PipelineRun", "system.Pipeline"
DATASET, METRICS = "system.Dataset", "system.Metrics"

REFUSALS = (sqlite3.IntegrityError, pymysql.IntegrityError, asyncpg.IntegrityConstraintViolationError, IndexError)
"""What a database says to a row that must not be there twice, and what a writer finds that misses a row."""


class SourceWriter:
    """Writes to the store of a URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection: Any = None
        if url.startswith("sqlite"):
            self._connection = sqlite3.connect(sqlite_path(url), isolation_level=None)
            self._connection.execute("PRAGMA synchronous = OFF")
        elif url.startswith("mysql"):
            self._connection = mysql_connection(url)
            self._connection.autocommit(True)

    def run(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        if self._connection is None:
            return execute(self.url, statement)
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def close(self) -> None:
        """Close its connection."""
        if self._connection is not None:
            self._connection.close()

    def attempt(self, statement: str) -> None:
        """Run a statement; nothing happens when the database refuses it."""
        with suppress(*REFUSALS):
            self.run(statement)

    def ids(self, statement: str) -> list[int]:
        """The first column of a query."""
        return [row[0] for row in self.run(statement)]

    def runs(self) -> list[int]:
        """The contexts of runs."""
        return self.ids(f"SELECT id FROM Context WHERE type_id = {self.type(RUN)} ORDER BY id")

    def root(self, context_id: int) -> int:
        """The root of a run: its oldest execution."""
        return self.ids(f"SELECT min(execution_id) FROM Association WHERE context_id = {context_id}")[0]

    def type(self, name: str, kind: int = 1) -> int:
        """The id of a type, made if it does not exist."""
        ids = self.ids(f"SELECT id FROM Type WHERE name = '{name}'")
        return ids[0] if ids else self.add("Type", name=name, type_kind=kind)

    def add(self, table: str, **values: Any) -> int:
        """Insert a row with the next id; return the id."""
        id = int(self.ids(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")[0])
        self.insert(table, id=id, **values)
        return id

    def insert(self, table: str, **values: Any) -> None:
        """Insert a row."""
        self.run(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(map(_literal, values.values()))})")

    def context(self, type: str, name: str, **custom: Any) -> int:
        """Add a context."""
        id = self.add("Context", type_id=self.type(type, 2), name=name, **_times())
        self.properties("Context", id, custom)
        return id

    def run_context(self, name: str, pipeline: str = "later", namespace: str = "team-a") -> int:
        """Add the contexts of a run, as KFP does."""
        context_id = self.context(RUN, name, namespace=namespace, resource_name="run-resource")
        parent_id = self.context(PIPELINE, f"{pipeline} of {name}")
        self.insert("ParentContext", context_id=context_id, parent_context_id=parent_id)
        return context_id

    def execution(self, *context_ids: int, type: str = CONTAINER, state: int = COMPLETE, **custom: Any) -> int:
        """Add an execution to contexts."""
        id = self.add("Execution", type_id=self.type(type, 0), last_known_state=state, **_times())
        self.properties("Execution", id, custom)
        for context_id in context_ids:
            self.associate(context_id, id)
        return id

    def root_of(self, context_id: int, name: str) -> int:
        """Add the root of a new run."""
        root = self.execution(context_id, type=DAG, state=RUNNING, display_name="", task_name="")
        self.run(f"UPDATE Execution SET name = 'run/{name}' WHERE id = {root}")
        return root

    def task(self, context_id: int, name: str, *, parent: int = 0, state: int = COMPLETE, **custom: Any) -> int:
        """Add a task to a run."""
        parent = parent or self.root(context_id)
        return self.execution(
            context_id, state=state, task_name=name, display_name=name, parent_dag_id=parent, **custom
        )

    def artifact(self, type: str = DATASET, **custom: Any) -> int:
        """Add an artifact."""
        id = self.add("Artifact", type_id=self.type(type), uri="minio://later", state=2, **_times())
        self.properties("Artifact", id, custom)
        return id

    def event(self, execution_id: int, artifact_id: int, type: int = OUTPUT, key: str = "out") -> int:
        """Add an event with a path of one key."""
        at = CREATED + 5
        id = self.add(
            "Event", artifact_id=artifact_id, execution_id=execution_id, type=type, milliseconds_since_epoch=at
        )
        self.insert("EventPath", event_id=id, is_index_step="0", step_key=key)
        return id

    def use(self, execution_id: int, artifact_id: int, key: str = "in") -> int:
        """Add an event of an artifact that is used."""
        return self.event(execution_id, artifact_id, INPUT, key)

    def associate(self, context_id: int, execution_id: int) -> None:
        """Put an execution into a context."""
        self.add("Association", context_id=context_id, execution_id=execution_id)

    def attribute(self, context_id: int, artifact_id: int) -> None:
        """Put an artifact into a context."""
        self.add("Attribution", context_id=context_id, artifact_id=artifact_id)

    def properties(self, owner: str, id: int, custom: dict[str, Any]) -> None:
        """Give a row custom properties."""
        for name, value in custom.items():
            column = {int: "int_value", float: "double_value"}.get(type(value), "string_value")
            self.insert(
                f"{owner}Property", **{f"{owner.lower()}_id": id}, name=name, is_custom_property="1", **{column: value}
            )


def _times() -> dict[str, int]:
    return {"create_time_since_epoch": CREATED, "last_update_time_since_epoch": CREATED + 900}


def _literal(value: Any) -> str:
    return str(value) if isinstance(value, int | float) else f"'{value}'"
