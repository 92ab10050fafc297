"""PostgreSQL reads as few rows with a plan that it made for any values as with one for the values at hand.

The driver prepares statements, and from the sixth time on PostgreSQL may use a plan that it made without looking at values.
Such a plan expects the average run; here one run has thousands of tasks, and the others have few.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sized
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.upgrade import upgrade
from storage.fields import ARTIFACT_TASK_LIST
from storage.sql.store import SqlStore
from storage.sql.tx import SqlTx
from tests.contract.listings import listing
from tests.contract.plans import analyze
from tests.databases import create_database, drop_database

pytestmark = [pytest.mark.databases("postgresql"), pytest.mark.slow]

LARGE_RUN_TASKS = 5000
CHILDREN = 10
"""How many children a task has, until the run has all its tasks."""
READ_PER_ANSWER, READ_BESIDES = 3, 30
"""How many rows may be read: for a link also its task and its artifact, and a few that a condition leaves out."""

FILL = """
INSERT INTO runs (id, experiment_id, display_name, description, state_history, created_at, scheduled_at, updated_at)
SELECT 'run ' || run, 'e', 'run', repeat('x', 1200), '[]', run, run, run FROM generate_series(0, {others}) run;
INSERT INTO tasks (id, run_id, parent_task_id, name, type, state, scope_path, pods, created_at, updated_at)
SELECT 'task ' || run || ' ' || task, 'run ' || run,
    CASE WHEN task > 0 THEN 'task ' || run || ' ' || (task - 1) / {children} END,
    'task', 2, 2, 'root', repeat('x', 300), task, task
FROM generate_series(0, {others}) run, generate_series(0, CASE run WHEN 0 THEN {large} ELSE {small} END - 1) task
ORDER BY task, run;
INSERT INTO artifacts (id, type, name, description, uri, metadata, created_at, updated_at)
SELECT replace(id, 'task', 'artifact'), 3, 'data', '', 's3://' || id, repeat('x', 100), created_at, created_at
FROM tasks ORDER BY md5(id);
INSERT INTO artifact_tasks (id, artifact_id, task_id, run_id, type, key, iteration, producer)
SELECT md5(id), replace(id, 'task', 'artifact'), id, run_id, 4, 'data', 0, '{{}}' FROM tasks ORDER BY md5(id)
"""
READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")


@dataclass(frozen=True)
class Shape:
    """How many runs there are in addition to the large one, and how many tasks each of these has."""

    others: int
    tasks: int


SHAPES = {"a dozen others": Shape(12, 60), "hundreds of others": Shape(200, 30), "thousands of others": Shape(2000, 3)}


@pytest.fixture(scope="module", params=SHAPES)
def skewed_url(request: pytest.FixtureRequest, database_kind: str) -> Iterator[str]:
    """A database of one large run and of small ones; the tests only read, or roll back."""
    url = create_database(database_kind)
    upgrade(url)
    asyncio.run(fill(url, SHAPES[request.param]))
    yield url
    drop_database(url)


async def fill(url: str, shape: Shape) -> None:
    store = SqlStore(url)
    rows = FILL.format(others=shape.others, large=LARGE_RUN_TASKS, small=shape.tasks, children=CHILDREN)
    async with store.engines[0].begin() as connection:
        for statement in rows.split(";\n"):
            await connection.exec_driver_sql(statement)
    await analyze(store)
    await store.close()


@pytest.fixture(scope="module")
async def skewed_store(skewed_url: str) -> AsyncIterator[SqlStore]:
    store = SqlStore(skewed_url, pool_size=1)
    yield store
    await store.close()


def tasks_of(run: int, count: int) -> list[str]:
    return [f"task {run} {number}" for number in range(count)]


def artifacts_of(run: int, count: int) -> list[str]:
    return [f"artifact {run} {number}" for number in range(count)]


async def list_links(tx: SqlTx, **ids: list[str]) -> range:
    kinds = {"task_ids": [], "run_ids": [], "artifact_ids": []} | ids
    page = await tx.artifact_tasks.list(listing(ARTIFACT_TASK_LIST, page_size=20), **kinds, type=None)
    # Read once for the page, and once to count them.
    return range(2 * page.total_size)


async def count_tasks(tx: SqlTx) -> range:
    counts = await tx.runs.task_counts(["run 1", "run 2"])
    return range(sum(counts.values()))


async def create_links(tx: SqlTx) -> Sized:
    """Keep links that are there already, which reads them, and one that is not."""
    links = [each.link for each in await tx.artifact_tasks.of_tasks(tasks_of(1, 3))]
    return await tx.artifact_tasks.create([*links, replace(links[0], id="new", key="another")])


CALLS: dict[str, Callable[[SqlTx], Awaitable[Sized]]] = {
    "heads of tasks": lambda tx: tx.tasks.heads(tasks_of(1, 3)),
    "locks of tasks": lambda tx: tx.tasks.lock(tasks_of(1, 3)),
    "ancestors": lambda tx: tx.tasks.ancestors(tasks_of(1, 3)),
    "children of a task": lambda tx: tx.tasks.children("run 1", tasks_of(1, 1)),
    "children of a task of the large run": lambda tx: tx.tasks.children("run 0", tasks_of(0, 1)),
    "children of tasks of the large run": lambda tx: tx.tasks.children("run 0", tasks_of(0, 50)),
    "tasks of a run": lambda tx: tx.tasks.list_of_runs(["run 1"]),
    "first tasks of a run": lambda tx: tx.tasks.list_of_runs(["run 1"], rows_max=200),
    "first tasks of runs": lambda tx: tx.tasks.list_of_runs(["run 1", "run 2"], rows_max=200),
    "tasks of runs": lambda tx: tx.tasks.list_of_runs(["run 1", "run 2"]),
    "counted tasks": count_tasks,
    "namespaces of artifacts": lambda tx: tx.artifacts.namespaces(artifacts_of(1, 3)),
    "links of a task": lambda tx: tx.artifact_tasks.of_tasks(tasks_of(1, 1)),
    "links of tasks of the large run": lambda tx: tx.artifact_tasks.of_tasks(tasks_of(0, 50)),
    "links of a run": lambda tx: tx.artifact_tasks.of_runs(["run 1"]),
    "links of runs": lambda tx: tx.artifact_tasks.of_runs(["run 1", "run 2"]),
    "outlines of a run's links": lambda tx: tx.artifact_tasks.outlines("run 1", limit=100),
    "new links": create_links,
    "listed links of a run": lambda tx: list_links(tx, run_ids=["run 1"]),
    "listed links of runs": lambda tx: list_links(tx, run_ids=["run 1", "run 2"]),
    "listed links of tasks": lambda tx: list_links(tx, task_ids=tasks_of(1, 3)),
    "listed links of artifacts": lambda tx: list_links(tx, artifact_ids=artifacts_of(1, 3)),
}


@pytest.mark.parametrize("name", CALLS)
async def test_a_plan_for_any_value_reads_what_the_answer_takes(skewed_store: SqlStore, name: str) -> None:
    async with skewed_store.engines[0].connect() as connection:
        first = await rows_read(connection, skewed_store, name)
        # From the sixth time on PostgreSQL chooses by what it expects the plans to cost; here it has no choice.
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        ninth = await rows_read(connection, skewed_store, name)
    assert (first <= 1, ninth <= 1) == (True, True), (first, ninth)


async def rows_read(connection: AsyncConnection, store: SqlStore, name: str) -> float:
    """The rows that a call reads, as a part of those that its answer allows."""
    before = (await connection.execute(READ)).scalar_one()
    answer = await CALLS[name](SqlTx(connection, store.dialect))
    assert answer
    read = (await connection.execute(READ)).scalar_one() - before
    return float(read) / (READ_PER_ANSWER * len(answer) + READ_BESIDES)
