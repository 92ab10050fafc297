"""What the sweep reads every few seconds, and CreateArtifact in each call, is found by an index, however much else there is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert

from migrations.upgrade import upgrade
from storage.contract import ReadTx
from storage.model import RunChange
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_run, a_task, an_artifact
from tests.contract.plans import explain, explain_for_any_value
from tests.contract.uris import with_uri
from tests.contract.watching import statements

RUNS, ARTIFACTS_KEPT = 600, 1500
LARGE = "x" * 2000
"""What rows hold in real life: a table of short rows is sooner read whole than by an index."""

STATES = [*["CANCELED", "CANCELING"] * 15, "PENDING", *["SUCCEEDED"] * 29]
"""Of sixty runs each. Few terminated ones would be sorted as soon as read in their order."""


def upgrade_and_fill(url: str) -> None:
    upgrade(url)
    asyncio.run(fill(url))


async def fill(url: str) -> None:
    store = SqlStore(url)
    runs = [
        a_run(id=f"run {n}", state=STATES[n % 60], created_at=n, updated_at=n, runtime_config=LARGE)
        for n in range(RUNS)
    ]
    tasks = [a_task(f"run {n}", id=f"task {n}") for n in range(RUNS)]
    artifacts = [an_artifact(id=f"artifact {n}", **with_uri("s3://same")) for n in range(ARTIFACTS_KEPT)]
    links = [a_link(tasks[n % RUNS], artifact) for n, artifact in enumerate(artifacts)]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.runs), [values_of(run, leaving_out=("pipeline_spec",)) for run in runs])
        others = {tables.tasks: tasks, tables.artifacts: artifacts, tables.artifact_tasks: links}
        for table, records in others.items():
            await connection.execute(insert(table), [values_of(each) for each in records])
    await store.close()


TERMINATED: dict[str, Callable[[ReadTx], Awaitable[Any]]] = {
    "canceling": lambda tx: tx.runs.list_canceling(limit=9),
    "canceled": lambda tx: tx.runs.list_canceled(changed_since=RUNS // 2, limit=9),
}


@pytest.mark.parametrize("name", TERMINATED)
async def test_the_sweep_reads_terminated_runs_in_the_order_of_their_index(busy_store: SqlStore, name: str) -> None:
    with statements(busy_store) as log:
        await busy_store.read(TERMINATED[name])
    plans = [await explain(busy_store, log[0])]
    if busy_store.dialect.name == "postgresql":
        plans.append(await explain_for_any_value(busy_store, log[0]))
    for plan in plans:
        assert (plan.indexes, plan.sorts) == ({"runs_canceled_updated"}, False), plan.shown


async def test_the_sweep_reads_unfinished_runs_in_the_order_of_their_index(busy_store: SqlStore) -> None:
    for after in (None, RunChange("run 2", 2, 0)):
        with statements(busy_store) as log:
            await busy_store.read(
                lambda tx, after=after: tx.runs.list_in_state("PENDING", created_before=RUNS, after=after, limit=9)
            )
        plan = await explain(busy_store, log[0], may_sort=False)
        assert (plan.indexes, plan.sorts) == ({"runs_state_created"}, False), plan.shown


async def test_outputs_are_looked_up_by_their_links_and_not_by_a_uri_that_others_have(busy_store: SqlStore) -> None:
    task, artifact = a_task("run 3", id="task 3"), an_artifact()
    for link, count in ((a_link(task, artifact, key="unused"), 1), (a_link(task, artifact), 2)):
        with statements(busy_store) as log:
            await busy_store.read(lambda tx, link=link: tx.artifact_tasks.outputs([link], ["s3://same"]))
        assert len(log) == count
    plans = [await explain(busy_store, each) for each in log]
    assert "artifact_tasks_link" in plans[0].indexes, plans[0].shown
    assert plans[1].indexes >= {"artifacts.id", "artifact_tasks_artifact_id"}, plans[1].shown


async def test_a_linked_task_is_read_along_indexes(busy_store: SqlStore) -> None:
    with statements(busy_store) as log:
        await busy_store.read_one(lambda tx: tx.tasks.linked("task 3", "run 3"))
    plans = [await explain(busy_store, log[0])]
    if busy_store.dialect.name == "postgresql":
        plans.append(await explain_for_any_value(busy_store, log[0]))
    for plan in plans:
        assert "artifact_tasks_link" in plan.indexes, plan.shown
        assert plan.indexes & {"tasks_run_parent_created", "tasks_run_created"}, plan.shown
