"""Each list walks its index, in its default order and by id, on the first page and behind it; so do the lookups."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import insert

from storage.contract import ReadTx
from storage.fields import ARTIFACT_LIST, ARTIFACT_TASK_LIST, ARTIFACTS, RUN_LIST, TASK_LIST, Listable
from storage.filters import Operation, Predicate
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_run, a_task, an_artifact
from tests.contract.listings import Ask, listing
from tests.contract.plans import analyze, explain
from tests.contract.uris import with_uri
from tests.contract.watching import statements
from tests.databases import create_migrated_database, drop_database

RUNS, TASKS_OF_A_RUN, PLACES = 60, 30, 20


@pytest.fixture(scope="module")
def shared_url(database_kind: str) -> Iterator[str]:
    """A database for all tests of this file, which only read."""
    url = create_migrated_database(database_kind)
    yield url
    drop_database(url)


@pytest.fixture(scope="module")
async def busy_store(shared_url: str) -> AsyncIterator[SqlStore]:
    """A store with enough rows for an index to be worth its while."""
    store = SqlStore(shared_url)
    runs = [
        a_run(id=f"run {n}", created_at=n // 2, namespace=f"n{n % PLACES}", experiment_id=f"e{n % PLACES}")
        for n in range(RUNS)
    ]
    tasks = [
        a_task(
            run.id,
            id=f"{run.id} task {n}",
            created_at=n // 2,
            parent_task_id=f"{run.id} task {n % 6}" if n > 5 else None,
        )
        for run in runs
        for n in range(TASKS_OF_A_RUN)
    ]
    tasks = [replace(task, cache_fingerprint=f"print {n // 3}", state=2) for n, task in enumerate(tasks)]
    artifacts = [
        an_artifact(id=f"artifact {n}", created_at=n // 2, namespace=f"n{n % PLACES}", **with_uri(f"s3://{n // 3}"))
        for n in range(len(tasks))
    ]
    links = [a_link(task, artifacts[n - shift]) for n, task in enumerate(tasks) for shift in range(3)]
    async with store.engines[0].begin() as connection:
        for table, records in (("tasks", tasks), ("artifacts", artifacts), ("artifact_tasks", links)):
            if table == "tasks":
                rows = [values_of(run, leaving_out=["pipeline_spec"]) for run in runs]
                await connection.execute(insert(tables.runs), rows)
            await connection.execute(insert(tables.metadata.tables[table]), [values_of(each) for each in records])
    await analyze(store)
    yield store
    await store.close()


@dataclass(frozen=True)
class List:
    """One list: how it is asked for, and the index that its scope and default order share."""

    listable: Listable
    ask: Ask
    index: str
    by_id: str
    """The index that serves it in the order of ids."""
    default_sorts: bool = False
    """Whether its few rows are sorted even in the default order."""


def runs(**scope: str | None) -> Ask:
    return lambda tx, page: tx.runs.list(page, **{"experiment_id": None, "namespace": None} | scope, with_spec=True)  # type: ignore[arg-type]


def tasks(parent_task_id: str | None) -> Ask:
    return lambda tx, page: tx.tasks.list(page, run_id="run 3", parent_task_id=parent_task_id)


def artifacts(namespace: str | None) -> Ask:
    return lambda tx, page: tx.artifacts.list(page, namespace=namespace)


def links(**scope: list[str]) -> Ask:
    kinds = {"task_ids": [], "run_ids": [], "artifact_ids": []} | scope
    return lambda tx, page: tx.artifact_tasks.list(page, **kinds, type=None)  # type: ignore[arg-type]


LISTS = {
    "runs": List(RUN_LIST, runs(), "runs_created", "runs.id"),
    "runs of a namespace": List(RUN_LIST, runs(namespace="n3"), "runs_namespace_created", "runs_namespace_created"),
    "runs of an experiment": List(
        RUN_LIST, runs(experiment_id="e3"), "runs_experiment_created", "runs_experiment_created"
    ),
    "tasks of a run": List(TASK_LIST, tasks(None), "tasks_run_created", "tasks_run_created"),
    "tasks of a parent": List(TASK_LIST, tasks("run 3 task 2"), "tasks_run_parent_created", "tasks_run_parent_created"),
    "artifacts": List(ARTIFACT_LIST, artifacts(None), "artifacts_created", "artifacts.id"),
    "artifacts of a namespace": List(
        ARTIFACT_LIST, artifacts("n3"), "artifacts_namespace_created", "artifacts_namespace_created"
    ),
    "links of a task": List(
        ARTIFACT_TASK_LIST,
        links(task_ids=["run 3 task 3"]),
        "artifact_tasks_link",
        "artifact_tasks_link",
        default_sorts=True,
    ),
    "links of an artifact": List(
        ARTIFACT_TASK_LIST,
        links(artifact_ids=["artifact 3"]),
        "artifact_tasks_artifact_id",
        "artifact_tasks_artifact_id",
    ),
    "links of a run": List(
        ARTIFACT_TASK_LIST, links(run_ids=["run 3"]), "artifact_tasks_run_id", "artifact_tasks_run_id"
    ),
}


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_in_its_default_order_walks_its_index(busy_store: SqlStore, name: str, direction: str) -> None:
    each = LISTS[name]
    for plan in await plans_of_two_pages(busy_store, each, f"{each.listable.default_order.field.key} {direction}"):
        assert each.index in plan.indexes, plan.shown
        assert plan.sorts == each.default_sorts, plan.shown


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_by_id_uses_an_index(busy_store: SqlStore, name: str, direction: str) -> None:
    each = LISTS[name]
    for plan in await plans_of_two_pages(busy_store, each, f"id {direction}"):
        assert each.by_id in plan.indexes, plan.shown


@pytest.mark.parametrize("name", [name for name in LISTS if " of " in name])
async def test_the_size_of_a_list_is_counted_by_its_index(busy_store: SqlStore, name: str) -> None:
    each = LISTS[name]
    with statements(busy_store) as sent:
        await busy_store.read(lambda tx: each.ask(tx, listing(each.listable)))
    plan = await explain(busy_store, sent[1])
    assert "count" in sent[1].text
    # Any index that begins with the scope will do.
    assert any(index.split("_created")[0] in each.index for index in plan.indexes), plan.shown


async def plans_of_two_pages(store: SqlStore, each: List, sort: str) -> list[Any]:
    sort = sort.replace("id ", next(key for key in each.listable.fields if key.endswith("id")) + " ", 1)
    asked = listing(each.listable, sort, page_size=1)
    with statements(store) as sent:
        first = await store.read(lambda tx: each.ask(tx, asked))
        assert first.next is not None
        await store.read(lambda tx: each.ask(tx, replace(asked, after=first.next)))
    assert [("LIMIT" in one.text, "count" in one.text) for one in sent] == [(True, False), (False, True)] * 2
    return [await explain(store, one) for one in sent if "LIMIT" in one.text]


URI = Predicate(ARTIFACTS["uri"], Operation.EQUALS, ("s3://3",))
URIS = Predicate(ARTIFACTS["uri"], Operation.IN, ("s3://3", "s3://4"))

LOOKUPS: dict[str, tuple[Callable[[ReadTx], Awaitable[Any]], str]] = {
    "artifacts by uri": (lambda tx: tx.artifacts.find_by_uri("n3", "s3://1"), "artifacts_uri"),
    "artifacts filtered by uri": (
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, predicates=(URI,), page_size=20), namespace=None),
        "artifacts_uri",
    ),
    "artifacts filtered by uris": (
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, predicates=(URIS,), page_size=20), namespace=None),
        "artifacts_uri",
    ),
    "artifact by identity": (lambda tx: tx.artifacts.find_by_identity("n3", "i"), "artifacts_identity"),
    "task from the cache": (lambda tx: tx.tasks.find_cached("print 3", None), "tasks_cache"),
    "task from the cache of a namespace": (lambda tx: tx.tasks.find_cached("print 3", ""), "tasks_cache"),
    "run of a recurring run": (lambda tx: tx.runs.find_recurring("weekly", "run"), "runs_recurring"),
    "stale runs": (lambda tx: tx.runs.list_stale_canceling(written_before=9, limit=9), "runs_canceling"),
    "children": (lambda tx: tx.tasks.children("run 3", ["run 3 task 2"]), "tasks_run_parent_created"),
    "tasks of runs": (lambda tx: tx.tasks.list_of_runs(["run 3", "run 4"]), "tasks_run_created"),
    "links of runs": (lambda tx: tx.artifact_tasks.of_runs(["run 3"]), "artifact_tasks_run_id"),
    "links of tasks": (lambda tx: tx.artifact_tasks.of_tasks(["run 3 task 3"]), "artifact_tasks_link"),
    "ancestors": (lambda tx: tx.tasks.ancestors(["run 3 task 9"]), "tasks.id"),
}


@pytest.mark.parametrize("name", LOOKUPS)
async def test_a_lookup_uses_its_index(busy_store: SqlStore, name: str) -> None:
    look_up, index = LOOKUPS[name]
    with statements(busy_store) as sent:
        await busy_store.read(look_up)
    for each in sent:
        plan = await explain(busy_store, each)
        assert index in plan.indexes, plan.shown
