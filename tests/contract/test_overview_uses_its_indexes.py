"""What lists of runs and reports of artifacts show is found along indexes: no more is read than is asked for."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert

from migrations.upgrade import upgrade
from server.rules import overview
from storage.contract import ReadTx
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_pipeline, a_run, a_task, a_version, an_artifact, an_experiment
from tests.contract.plans import explain
from tests.contract.watching import statements

pytestmark = pytest.mark.one_driver

RUNS, TASKS_OF_A_RUN, PLACES = 600, 8, 30
LARGE = "x" * 2000
"""What rows hold in real life: a table of short rows is sooner read whole than by an index."""

IDS = [f"run {n}" for n in range(0, 16, 2)]  # as many as a statement has branches


def upgrade_and_fill(url: str) -> None:
    """Make enough rows for an index to be worth its while."""
    upgrade(url)
    asyncio.run(fill(url))


async def fill(url: str) -> None:
    store = SqlStore(url)
    states = ["SUCCEEDED"] * 26 + ["FAILED", "RUNNING", "PENDING", "CANCELED"]
    runs = [
        a_run(
            id=f"run {n}",
            state=states[n % PLACES],
            created_at=n,
            runtime_config=LARGE,
            storage_state="ARCHIVED" if n % 3 else "AVAILABLE",
            namespace=f"n{n % PLACES}",
        )
        for n in range(RUNS)
    ]
    tasks = [
        a_task(f"run {n}", id=f"run {n} task {k}", created_at=k, parent_task_id=f"p{k}" if k else None, pods=LARGE)
        for n in range(RUNS)
        for k in range(TASKS_OF_A_RUN)
    ]
    artifacts = [an_artifact(id=f"artifact {n}", metadata=LARGE) for n in range(len(tasks))]
    records: dict[Any, list[Any]] = {
        tables.runs: runs,
        tables.tasks: tasks,
        tables.artifacts: artifacts,
        tables.artifact_tasks: [a_link(task, artifact) for task, artifact in zip(tasks, artifacts, strict=True)],
        tables.experiments: [an_experiment(id=f"experiment {n}", description=LARGE) for n in range(RUNS)],
        tables.pipelines: [a_pipeline(id=f"pipeline {n}", description=LARGE) for n in range(RUNS)],
        tables.pipeline_versions: [a_version(f"pipeline {n}", id=f"version {n}") for n in range(RUNS)],
    }
    async with store.engines[0].begin() as connection:
        for table, rows in records.items():
            await connection.execute(
                insert(table), [values_of(row, leaving_out=("pipeline_spec", "tags")) for row in rows]
            )
    await store.close()


Read = Callable[[ReadTx], Awaitable[Any]]

READS: dict[str, tuple[Read, set[str]]] = {
    "counts by state": (lambda tx: tx.overview.count_by_state(namespace=None, among=9), {"runs_state_created"}),
    "counts in a namespace": (lambda tx: tx.overview.count_by_state(namespace="n3", among=9), {"runs_state_created"}),
    "ended runs": (
        lambda tx: tx.overview.count_ended("FAILED", created_since=500, ended_since=0, namespace=None, among=9),
        {"runs_state_created"},
    ),
    "unchanged runs": (
        lambda tx: tx.overview.list_unchanged("RUNNING", before=500, namespace=None, among=9, limit=9),
        {"runs_state_created"},
    ),
    "latest runs": (lambda tx: overview._latest(tx, None, 9), {"runs_storage_state_created"}),
    "latest runs of a namespace": (lambda tx: overview._latest(tx, "n3", 9), {"runs_namespace_created"}),
    "last writes": (
        lambda tx: tx.overview.last_writes(IDS, tasks=3),
        {"tasks_run_created", "artifact_tasks_run_id"},
    ),
    "failed among the newest tasks": (
        lambda tx: tx.overview.failed_tasks(IDS, newest=True, among=3),
        {"tasks_run_created", "tasks.id"},
    ),
    "failed among the oldest tasks": (
        lambda tx: tx.overview.failed_tasks(IDS, newest=False, among=3),
        {"tasks_run_created", "tasks.id"},
    ),
    "metrics": (
        lambda tx: tx.overview.metrics(IDS, per_run=3, among=3),
        {"artifact_tasks_run_id", "artifact_tasks.id", "artifacts.id"},
    ),
    "configurations": (lambda tx: tx.overview.runtime_configs(IDS, characters=9), {"runs.id"}),
    "inputs of ROOT tasks": (
        lambda tx: tx.overview.root_inputs(IDS, characters=9),
        {"tasks_run_parent_created", "tasks.id"},
    ),
    "names of experiments": (lambda tx: tx.overview.experiment_names(["experiment 3"]), {"experiments.id"}),
    "names of pipelines": (lambda tx: tx.overview.pipeline_names(["pipeline 3"]), {"pipelines.id"}),
    "names of versions": (lambda tx: tx.overview.version_names(["version 3"]), {"pipeline_versions.id"}),
    "a reported artifact": (
        lambda tx: tx.artifact_report.artifact("artifact 3", characters=9),
        {"artifacts.id"},
    ),
    "groups around a task": (lambda tx: tx.artifact_report.branch("run 3 task 2", levels=9), {"tasks.id"}),
    "inputs of tasks": (lambda tx: tx.artifact_report.inputs_of_tasks(["run 3 task 2"], characters=9), {"tasks.id"}),
    "a reported run": (
        lambda tx: tx.artifact_report.run("run 3", characters=9),
        {"runs.id", "experiments.id", "pipelines.id", "pipeline_versions.id"},
    ),
}


# For terminated runs their own index, and for the state that almost all runs have the index of all runs.
_ALSO_BY_STATE = {"runs_canceled_updated", "runs_created"}
OTHERS = {
    "counts by state": {"postgresql": _ALSO_BY_STATE, "mysql": _ALSO_BY_STATE},
    "counts in a namespace": {"postgresql": _ALSO_BY_STATE, "mysql": _ALSO_BY_STATE},
}
"""What a planner may take as well, since it reads as few rows."""


@pytest.mark.parametrize("name", READS)
async def test_a_read_goes_along_its_indexes(busy_store: SqlStore, name: str) -> None:
    read, indexes = READS[name]
    with statements(busy_store) as log:
        await busy_store.read(read)
    [statement] = log
    plan = await explain(busy_store, statement)
    others = OTHERS.get(name, {}).get(busy_store.dialect.name, set())
    # SQLite has an index on what stands for a list of ids, MariaDB finds the greatest key without a plan.
    assert plan.indexes - {"1"} <= indexes | others, plan.shown
    assert plan.indexes & (indexes | others), plan.shown
    assert not SCANS[busy_store.dialect.name](plan.shown), plan.shown


SCANS: dict[str, Callable[[str], bool]] = {
    "sqlite": lambda shown: any(line.startswith(f"SCAN {table}") for line in shown.split("\n") for table in TABLES),
    "postgresql": lambda shown: '"Seq Scan"' in shown,
    "mysql": lambda shown: any(
        "'type': 'ALL'" in line and f"'table': '{table}'" in line for line in shown.split("\n") for table in TABLES
    ),
}
"""Whether a plan reads a table whole. What a subquery returned is read whole, of course."""

TABLES = ("runs", "tasks", "artifacts", "artifact_tasks", "experiments", "pipelines", "pipeline_versions", "of_run")
