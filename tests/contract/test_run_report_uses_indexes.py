"""What a page about one run shows is found along indexes, in a store of many runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert

from migrations.upgrade import upgrade
from storage.contract import ReadTx
from storage.run_report import RunFacts
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_run, a_task, an_artifact
from tests.contract.plans import explain
from tests.contract.test_overview_uses_its_indexes import SCANS
from tests.contract.watching import statements

pytestmark = pytest.mark.one_driver

RUNS, TASKS_OF_A_RUN = 600, 8
LARGE = "x" * 2000
"""What rows hold in real life: a table of short rows is sooner read whole than by an index."""

RUN = "run 77"
START = (-(2**62), "")
PARENTS = [f"{RUN} task {n}" for n in range(TASKS_OF_A_RUN)]  # as many as a statement has branches


def facts(pipeline_id: str) -> RunFacts:
    """The facts of a run of which only what it is compared by matters."""
    return RunFacts(
        id=RUN,
        display_name="",
        description="",
        state="",
        storage_state="",
        state_history="",
        namespace="",
        experiment_id="experiment 3",
        pipeline_id=pipeline_id,
        pipeline_version_id="",
        pipeline_spec_id=None,
        runtime_config=None,
        created_at=MOMENT + 300,
        finished_at=None,
        updated_at=0,
        experiment="",
        pipeline="",
        version="",
    )


def upgrade_and_fill(url: str) -> None:
    """Make enough rows for an index to be worth its while."""
    upgrade(url)
    asyncio.run(fill(url))


async def fill(url: str) -> None:
    store = SqlStore(url)
    runs = [
        a_run(
            id=f"run {n}",
            state="SUCCEEDED" if n % 2 else "FAILED",
            created_at=MOMENT + n,
            runtime_config=LARGE,
            pipeline_id=f"pipeline {n % 30}",
            experiment_id=f"experiment {n % 30}",
        )
        for n in range(RUNS)
    ]
    tasks = [
        a_task(
            f"run {n}",
            id=f"run {n} task {k}",
            created_at=k,
            parent_task_id=f"run {n} task {k - 1}" if k else None,
            pods=LARGE,
            type_attributes='{"iterationIndex":"1"}',
        )
        for n in range(RUNS)
        for k in range(TASKS_OF_A_RUN)
    ]
    artifacts = [an_artifact(id=f"artifact {n}", metadata=LARGE) for n in range(len(tasks))]
    specs = [{"id": f"spec {n}", "spec": LARGE, "created_at": MOMENT} for n in range(RUNS)]
    rows: dict[Any, list[Any]] = {
        tables.tasks: tasks,
        tables.artifacts: artifacts,
        tables.artifact_tasks: [a_link(task, artifact) for task, artifact in zip(tasks, artifacts, strict=True)],
    }
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.pipeline_specs), specs)
        with_specs = [
            {**values_of(run, leaving_out=("pipeline_spec",)), "pipeline_spec_id": f"spec {n}"}
            for n, run in enumerate(runs)
        ]
        await connection.execute(insert(tables.runs), with_specs)
        for table, of_table in rows.items():
            await connection.execute(insert(table), [values_of(row) for row in of_table])
    await store.close()


Read = Callable[[ReadTx], Awaitable[Any]]
BY_PARENT, BY_RUN = {"tasks_run_parent_created"}, {"tasks_run_created", "tasks_run_parent_created"}


def level(parent: str | None, beginning: str | None) -> Read:
    return lambda tx: tx.run_report.level(RUN, parent, beginning=beginning, after=START, limit=3)


READS: dict[str, tuple[Read, set[str]]] = {
    "facts": (
        lambda tx: tx.run_report.facts(RUN, characters=9),
        {"runs.id", "experiments.id", "pipelines.id", "pipeline_versions.id"},
    ),
    "specification": (lambda tx: tx.run_report.spec(RUN, characters=9), {"runs.id", "pipeline_specs.id"}),
    "states of tasks": (lambda tx: tx.run_report.task_states(RUN, among=3), BY_RUN),
    "a branch": (lambda tx: tx.run_report.branch(f"{RUN} task 5"), {"tasks.id"}),
    "a level": (level(PARENTS[0], None), BY_PARENT),
    "an iteration": (level(PARENTS[0], "{"), BY_PARENT),
    "the outermost level": (level(None, None), BY_PARENT),
    "children": (lambda tx: tx.run_report.children(RUN, PARENTS, per_parent=3), BY_PARENT),
    "iterations": (lambda tx: tx.run_report.iterations(RUN, PARENTS, among=3), BY_PARENT),
    "marks": (lambda tx: tx.run_report.marks(RUN, names=None, among=3), {"tasks_run_created"}),
    "marks by name": (lambda tx: tx.run_report.marks(RUN, names=["a"], among=3), {"tasks_run_created"}),
    "details": (lambda tx: tx.run_report.details(PARENTS, characters=9), {"tasks.id"}),
    "what was made": (
        lambda tx: tx.run_report.made(RUN, among=3, limit=3),
        {"artifact_tasks_run_id", "tasks.id", "artifacts.id"},
    ),
    "metadata": (lambda tx: tx.run_report.metadata(["artifact 3"], characters=9), {"artifacts.id"}),
    "metadata with a text": (
        lambda tx: tx.run_report.metadata_with(["artifact 3"], "x", characters=9999, limit=2),
        {"artifacts.id"},
    ),
    "successful runs of a pipeline": (
        lambda tx: tx.run_report.succeeded(facts("pipeline 3"), is_before=True, among=3, limit=3),
        {"runs_pipeline_created"},
    ),
    "successful runs of an experiment": (
        lambda tx: tx.run_report.succeeded(facts(""), is_before=False, among=3, limit=3),
        {"runs_experiment_created"},
    ),
}


@pytest.mark.parametrize("name", READS)
async def test_a_read_goes_along_its_indexes(busy_store: SqlStore, name: str) -> None:
    read, indexes = READS[name]
    with statements(busy_store) as log:
        await busy_store.read(read)
    [statement] = log
    plan = await explain(busy_store, statement)
    # SQLite has an index on what stands for a list of ids.
    assert plan.indexes - {"1"} <= indexes, plan.shown
    assert plan.indexes & indexes, plan.shown
    assert not SCANS[busy_store.dialect.name](plan.shown), plan.shown
