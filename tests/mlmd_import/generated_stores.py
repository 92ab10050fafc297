"""MLMD stores of any shape, made from a seed: the runs of all programs, nested and damaged, with all kinds of values and events.

Equal seeds make equal stores. For the tests of this folder.
"""

import base64
import json
import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.mlmd_store import SCHEMA
from tests.mlmd.builders import a_struct

BEGINNING = 1_700_000_000_000

CONTEXT_TYPES = ("system.PipelineRun", "KfpRun", "pipeline_run", "system.Pipeline", "pipeline", "node", "experiment")
RUN_TYPES = CONTEXT_TYPES[:3]
EXECUTION_TYPES = (
    "system.DAGExecution",
    "system.ContainerExecution",
    "system.ImporterExecution",
    "system.ImporterWorkspaceExecution",
    "tfx.components.trainer.component.Trainer",
    "",
)
ARTIFACT_TYPES = (
    "system.Artifact",
    "system.Dataset",
    "system.Model",
    "system.Metrics",
    "system.ClassificationMetrics",
    "system.HTML",
    "Examples",
    "google.VertexModel",
)
TEXTS = (
    "",
    "a",
    "Größe ☃ 🚀",
    "two\nlines\t'\"\\",
    "x" * 300,
    "0",
    "null",
    '{"a": 1}',
    " ends with a space ",
    "a\x00b",
)
KEYS = ("out", "model", "data", "Größe", "k" * 200, "a key", "0")
NAMESPACES = ("team-a", "team-b", "", "n" * 70)


class GeneratedStore:
    """One store while it is made."""

    def __init__(self, connection: sqlite3.Connection, chance: random.Random) -> None:
        self._connection = connection
        self._chance = chance
        self._types: dict[str, int] = {}
        self._artifacts: list[int] = []
        self._executions: list[int] = []
        self._contexts: list[int] = []

    def fill(self) -> None:
        """Make some runs, and what belongs to none."""
        for kind, names in ((2, CONTEXT_TYPES), (0, EXECUTION_TYPES), (1, ARTIFACT_TYPES)):
            for name in names:
                values = {"name": name, "type_kind": kind, "version": self._some("", "1.0", None)}
                self._types[name] = self._insert("Type", **values)
        for number in range(self._chance.randint(0, 5)):
            self._context(f"other {number}", self._chance.choice(CONTEXT_TYPES[3:]))
        for _ in range(self._chance.randint(1, 4)):
            self._run(self._chance.choice(RUN_TYPES))
        for _ in range(self._chance.randint(0, 4)):
            self._artifact()
            self._execution(self._chance.choice(EXECUTION_TYPES), {})
        self._odd_rows()

    def _run(self, kind: str) -> None:
        number = self._chance.getrandbits(32)
        names = (f"{number:08x}-0000-4000-8000-000000000000", f"run {number}", "r" * 250, f"ünï-{number}\x07")
        name = names[0] if self._chance.random() < 0.8 else self._chance.choice(names)
        context = self._context(name, kind)
        others = [other for other in self._contexts if self._likely(0.3)]
        first = len(self._executions)
        if kind == "system.PipelineRun":
            self._properties(
                "Context", context, {"namespace": self._chance.choice(NAMESPACES), "pipeline_root": "s3://b"}
            )
            if self._likely(0.9):
                root = self._execution("system.DAGExecution", {"task_name": "", "display_name": ""}, name=f"run/{name}")
                self._tasks_within(root, depth=0)
            else:
                self._tasks_within(None, depth=0)
        else:
            for _ in range(self._chance.randint(0, 6)):
                self._execution(self._chance.choice(EXECUTION_TYPES), {"kfp_pod_name": "pod", "input:rate": "0.1"})
        for execution in self._executions[first:]:
            for other in {context, *others}:
                self._insert("Association", context_id=other, execution_id=execution)
            self._events(execution)

    def _tasks_within(self, parent: int | None, *, depth: int) -> None:
        for place in range(self._chance.randint(0, 4 if depth else 6)):
            name = self._some(
                f"task-{place}", "condition-1", "condition-branches-2", "exit-handler-1", "for-loop-1", "t" * 140
            )
            custom: dict[str, Any] = {"task_name": name, "display_name": self._chance.choice(TEXTS)}
            if parent is not None and self._likely(0.95):
                custom["parent_dag_id"] = parent
            elif self._likely(0.5):
                custom["parent_dag_id"] = self._chance.choice([*self._executions, 10_000])
            self._outputs(custom)
            if depth < 3 and self._likely(0.3):
                self._group(custom, depth)
            else:
                custom |= {
                    "pod_name": f"pod-{place}",
                    "pod_uid": "uid",
                    "cache_fingerprint": self._some("", "print", "other"),
                }
                self._execution(self._some(*EXECUTION_TYPES[1:4]), custom)

    def _group(self, custom: dict[str, Any], depth: int) -> None:
        if self._likely(0.5):
            group = self._execution("system.DAGExecution", custom | {"total_dag_tasks": self._chance.randint(0, 4)})
            self._tasks_within(group, depth=depth + 1)
            return
        count = self._chance.randint(0, 3)
        loop = self._execution("system.DAGExecution", custom | {"iteration_count": count})
        for index in range(count):
            step = {"task_name": custom["task_name"], "parent_dag_id": loop, "iteration_index": index}
            self._tasks_within(self._execution("system.DAGExecution", step), depth=depth + 1)

    def _outputs(self, custom: dict[str, Any]) -> None:
        if self._likely(0.5):
            custom["inputs"] = {self._chance.choice(KEYS): self._plain(), "rate": 0.5}
        if self._likely(0.5):
            custom["outputs"] = {self._chance.choice(KEYS): self._plain()}
        if self._likely(0.2):
            selector = {"valueFromParameter": {"producerSubtask": "task-0", "outputParameterKey": "out"}}
            custom["parameter_producer_task"] = {"out": json.dumps(selector)}
        if self._likely(0.2):
            selectors = {"out": {"artifact_selectors": [{"producer_subtask": "task-0", "output_artifact_key": "out"}]}}
            custom["artifact_producer_task"] = self._some(json.dumps(selectors), "not JSON")

    def _events(self, execution: int) -> None:
        for _ in range(self._chance.randint(0, 4)):
            new = not self._artifacts or self._likely(0.5)
            artifact = self._artifact() if new else self._chance.choice(self._artifacts)
            self._event(
                artifact, execution, 4 if new and self._likely(0.8) else self._chance.choice([3, 3, 1, 2, 5, 6, 7, 9])
            )

    def _event(self, artifact: int, execution: int, kind: int) -> None:
        at = self._some(self._time(), 0, None)
        values = {"artifact_id": artifact, "execution_id": execution, "type": kind, "milliseconds_since_epoch": at}
        event = self._insert("Event", **values)
        for _ in range(self._some(1, 1, 1, 0, 2) if event else 0):
            if self._likely(0.9):
                self._insert("EventPath", event_id=event, is_index_step=0, step_key=self._chance.choice(KEYS))
            else:
                self._insert("EventPath", event_id=event, is_index_step=1, step_index=self._chance.randint(0, 3))

    def _odd_rows(self) -> None:
        """Make references that lead nowhere, attributions, and parents of contexts."""
        for _ in range(self._chance.randint(0, 3)):
            self._event(self._some(20_000, *self._artifacts[:3]), self._some(20_000, *self._executions[:3]), 3)
            self._insert("Attribution", context_id=self._chance.choice(self._contexts), artifact_id=self._artifact())
            pair = {
                "context_id": self._chance.choice(self._contexts),
                "parent_context_id": self._chance.choice(self._contexts),
            }
            self._insert("ParentContext", **pair)
            self._insert("Association", context_id=self._some(20_000, *self._contexts), execution_id=20_000)

    def _context(self, name: str, kind: str) -> int:
        times = {"create_time_since_epoch": self._time(), "last_update_time_since_epoch": self._time()}
        id = self._insert("Context", type_id=self._types[kind], name=name, **times)
        if id:
            self._contexts.append(id)
            self._values("Context", id)
        return id or self._contexts[-1]

    def _execution(self, kind: str, custom: dict[str, Any], name: str | None = None) -> int:
        times = {
            "create_time_since_epoch": self._some(*[self._time()] * 5, 0),
            "last_update_time_since_epoch": self._time(),
        }
        state = self._some(0, 1, 2, 3, 3, 3, 4, 5, 6, None)
        type_id = self._types[kind] if self._likely(0.97) else 999
        id = self._insert("Execution", type_id=type_id, last_known_state=state, name=name, **times)
        self._executions.append(id)
        self._properties("Execution", id, custom)
        self._values("Execution", id)
        return id

    def _artifact(self) -> int:
        kind = self._chance.choice(ARTIFACT_TYPES)
        id = self._insert(
            "Artifact",
            type_id=self._types[kind] if self._likely(0.95) else 999,
            uri=self._some("s3://bucket/a", "", None, "s3://" + "u" * 2100, "gs://b/☃?x=1#f"),
            state=self._some(2, 2, None, 1, 3, 4, 9),
            create_time_since_epoch=self._some(*[self._time()] * 5, 0),
            last_update_time_since_epoch=self._time(),
        )
        self._artifacts.append(id)
        self._properties("Artifact", id, {"display_name": self._chance.choice(KEYS)} if self._likely(0.7) else {})
        if kind == "system.Metrics":
            names = self._chance.sample(["accuracy", "loss", "f1", "m" * 150], self._chance.randint(0, 3))
            self._properties("Artifact", id, {name: self._chance.random() for name in names})
        self._values("Artifact", id)
        return id

    def _values(self, owner: str, id: int) -> None:
        """Give a row properties with values of any kind."""
        for place in range(self._some(0, 0, 1, 2, 3)):
            columns = self._some(
                {"int_value": self._some(0, -1, 2**31 - 1, 2**53, -(2**63))},
                {"double_value": self._some(0.0, -0.0, 0.1, 1e300, float("inf"), 5e-324)},
                {"string_value": self._chance.choice(TEXTS)},
                {
                    "string_value": self._some(
                        a_struct({"deep": [1, {"x": [None, True]}], "": "e"}), "mlmd-struct::broken"
                    )
                },
                {"bool_value": self._some(0, 1)},
                {"proto_value": self._some(b"\x0a\x02hi", base64.b64encode(b"hi"))},
                {"byte_value": b"\x00\xff"},
                {},
            )
            name = self._some(f"property {place}", "namespace", "", "iteration_index", "p" * 255)
            self._insert(f"{owner}Property", **self._named(owner, id, name, self._some(0, 1)), **columns)

    def _properties(self, owner: str, id: int, values: dict[str, Any]) -> None:
        """Give a row custom properties in the columns that MLMD chooses for their values."""
        for name, value in values.items():
            column = {int: "int_value", float: "double_value"}.get(type(value), "string_value")
            value = a_struct(value) if isinstance(value, dict) else value
            self._insert(f"{owner}Property", **self._named(owner, id, name, 1), **{column: value})

    def _named(self, owner: str, id: int, name: str, custom: int) -> dict[str, Any]:
        return {f"{owner.lower()}_id": id, "name": name, "is_custom_property": custom}

    def _plain(self) -> Any:
        return self._some(1.0, -2.5, 1e20, "text", "Größe ☃", True, None, [1.0, "a", [None]], {"a": {"b": []}}, "")

    def _time(self) -> int:
        return BEGINNING + self._chance.randint(0, 10**9)

    def _some(self, *choices: Any) -> Any:
        return self._chance.choice(choices)

    def _likely(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _insert(self, table: str, **values: Any) -> int:
        """Insert a row unless it repeats another; returns its id, 0 if it was not inserted."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self._connection.execute(
            f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})", tuple(values.values())
        )
        return cursor.lastrowid or 0 if cursor.rowcount else 0


def generate_store(path: Path, chance: random.Random) -> None:
    """Make a store in a new file."""
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("PRAGMA synchronous = OFF;" + SCHEMA)
        GeneratedStore(connection, chance).fill()
