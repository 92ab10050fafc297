"""Each list walks its index, in its default order and by id, on the first page and behind it; so do the lookups."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Table, UniqueConstraint, insert

from migrations.upgrade import upgrade
from storage.contract import Listing, Page, ReadTx
from storage.fields import (
    ARTIFACT_LIST,
    ARTIFACT_TASK_LIST,
    ARTIFACTS,
    EXPERIMENT_LIST,
    PIPELINE_LIST,
    PIPELINE_VERSION_LIST,
    RUN_LIST,
    TASK_LIST,
    Listable,
)
from storage.filters import Operation, Predicate, parse_filter
from storage.model import Artifact, Run, Task
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_pipeline, a_run, a_task, a_version, an_artifact, an_experiment
from tests.contract.listings import Ask, all_pages, ids_of, listing
from tests.contract.plans import Plan, explain, explain_for_any_value
from tests.contract.uris import with_uri
from tests.contract.watching import statements

RUNS, TASKS_OF_A_RUN, ARTIFACTS_KEPT, PLACES = 300, 10, 1500, 15
LARGE = "x" * 2000
"""What rows hold in real life: a table of short rows is sooner read whole than by an index."""


def a_place(number: int) -> dict[str, str]:
    return {"namespace": f"n{number % PLACES}"}


def many_runs() -> list[Run]:
    return [
        a_run(
            id=f"run {n}",
            created_at=n // 2,
            experiment_id=f"e{n % PLACES}",
            runtime_config=LARGE,
            state="RUNNING" if n % PLACES == 0 else "SUCCEEDED",
            storage_state="ARCHIVED" if n % PLACES == 1 else "AVAILABLE",
            pipeline_id=f"p{n % PLACES}" if n % 2 else "",
            pipeline_version_id=f"v{n % PLACES}" if n % 2 else "",
            recurring_run_id=f"r{n % PLACES}" if n % 2 else "",
            **a_place(n),
        )
        for n in range(RUNS)
    ]


def many_tasks() -> list[Task]:
    tasks = [
        a_task(f"run {run}", id=f"run {run} task {n}", created_at=n // 2, parent_task_id=f"run {run} task {n % 2}")
        for run in range(RUNS)
        for n in range(TASKS_OF_A_RUN)
    ]
    return [replace(task, cache_fingerprint=f"print {n // 3}", state=2) for n, task in enumerate(tasks)]


def many_artifacts() -> list[Artifact]:
    uris = [with_uri(f"s3://{n % 900}") for n in range(ARTIFACTS_KEPT)]
    return [
        an_artifact(id=f"artifact {n}", created_at=n // 2, identity_key=f"i{n}", **a_place(n), **uri)
        for n, uri in enumerate(uris)
    ]


def many_groups() -> dict[Table, list[Any]]:
    """Experiments, pipelines and their versions."""
    numbers = range(RUNS)
    return {
        tables.experiments: [an_experiment(id=f"experiment {n}", created_at=n, description=LARGE) for n in numbers],
        tables.pipelines: [a_pipeline(id=f"pipeline {n}", created_at=n, description=LARGE) for n in numbers],
        tables.pipeline_versions: [
            a_version(f"pipeline {n % PLACES}", created_at=n, description=LARGE) for n in numbers
        ],
    }


def upgrade_and_fill(url: str) -> None:
    """Make enough rows for an index to be worth its while."""
    upgrade(url)
    asyncio.run(fill(url))


async def fill(url: str) -> None:
    store = SqlStore(url)
    runs, tasks, artifacts = many_runs(), many_tasks(), many_artifacts()
    links = [a_link(tasks[n], artifacts[n - shift]) for n in range(ARTIFACTS_KEPT) for shift in range(4)]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.runs), [values_of(run, leaving_out=("pipeline_spec",)) for run in runs])
        others = {tables.tasks: tasks, tables.artifacts: artifacts, tables.artifact_tasks: links}
        for table, records in (*others.items(), *many_groups().items()):
            other_tables = ("tags", "pipeline_spec")
            await connection.execute(insert(table), [values_of(each, leaving_out=other_tables) for each in records])
    await store.close()


pytestmark = pytest.mark.one_driver


@dataclass(frozen=True)
class List:
    """One list: how it is asked for, what it is limited by, and the index that serves it in its default order."""

    listable: Listable
    ask: Ask
    scope: str
    index: str
    filter: str = ""

    def listing(self, sort: str = "", **changes: Any) -> Listing:
        """A page of this list."""
        predicates = parse_filter(self.filter, self.listable.fields) if self.filter else ()
        return listing(self.listable, sort, predicates=predicates, **changes)


def of(key: str, value: str, operation: str = "EQUALS") -> str:
    """A filter with one predicate."""
    return json.dumps({"predicates": [{"key": key, "operation": operation, "string_value": value}]})


def runs(**scope: str) -> Ask:
    return lambda tx, page: tx.runs.list(page, **{"experiment_id": None, "namespace": None} | scope, with_spec=True)  # type: ignore[arg-type]


def tasks(parent_task_id: str | None) -> Ask:
    return lambda tx, page: tx.tasks.list(page, run_id="run 3", parent_task_id=parent_task_id)


def artifacts(namespace: str | None) -> Ask:
    return lambda tx, page: tx.artifacts.list(page, namespace=namespace)


def links(**scope: list[str]) -> Ask:
    kinds = {"task_ids": [], "run_ids": [], "artifact_ids": []} | scope
    return lambda tx, page: tx.artifact_tasks.list(page, **kinds, type=None)  # type: ignore[arg-type]


def experiments(tx: ReadTx, page: Listing) -> Awaitable[Page[Any]]:
    return tx.experiments.list(page, namespace=None)


def pipelines(tx: ReadTx, page: Listing) -> Awaitable[Page[Any]]:
    return tx.pipelines.list(page, namespace=None)


def versions(tx: ReadTx, page: Listing) -> Awaitable[Page[Any]]:
    return tx.pipeline_versions.list(page, pipeline_id="pipeline 3", with_spec=True)


LISTS = {
    "runs": List(RUN_LIST, runs(), "runs.created_at", "runs_created"),
    "runs of a namespace": List(RUN_LIST, runs(namespace="n3"), "runs.namespace", "runs_namespace_created"),
    "runs of an experiment": List(RUN_LIST, runs(experiment_id="e3"), "runs.experiment_id", "runs_experiment_created"),
    "archived runs": List(
        RUN_LIST, runs(), "runs.storage_state", "runs_storage_state_created", of("storage_state", "ARCHIVED")
    ),
    "running runs": List(RUN_LIST, runs(), "runs.state", "runs_state_created", of("state", "RUNNING")),
    "runs of a pipeline": List(RUN_LIST, runs(), "runs.pipeline_id", "runs_pipeline_created", of("pipeline_id", "p3")),
    "runs of a version": List(
        RUN_LIST, runs(), "runs.pipeline_version_id", "runs_version_created", of("pipeline_version_id", "v3")
    ),
    "runs of a recurring run": List(
        RUN_LIST, runs(), "runs.recurring_run_id", "runs_recurring_created", of("recurring_run_id", "r3")
    ),
    "tasks of a run": List(TASK_LIST, tasks(None), "tasks.run_id", "tasks_run_created"),
    "tasks of a parent": List(TASK_LIST, tasks("run 3 task 1"), "tasks.run_id", "tasks_run_parent_created"),
    "artifacts": List(ARTIFACT_LIST, artifacts(None), "artifacts.created_at", "artifacts_created"),
    "artifacts of a namespace": List(
        ARTIFACT_LIST, artifacts("n3"), "artifacts.namespace", "artifacts_namespace_created"
    ),
    "experiments": List(EXPERIMENT_LIST, experiments, "experiments.created_at", "experiments_created"),
    "pipelines": List(PIPELINE_LIST, pipelines, "pipelines.created_at", "pipelines_created"),
    "versions of a pipeline": List(
        PIPELINE_VERSION_LIST, versions, "pipeline_versions.pipeline_id", "pipeline_versions_created"
    ),
    "links of a task": List(
        ARTIFACT_TASK_LIST, links(task_ids=["run 75 task 3"]), "artifact_tasks.task_id", "artifact_tasks_link"
    ),
    "links of an artifact": List(
        ARTIFACT_TASK_LIST,
        links(artifact_ids=["artifact 3"]),
        "artifact_tasks.artifact_id",
        "artifact_tasks_artifact_id",
    ),
    "links of a run": List(
        ARTIFACT_TASK_LIST, links(run_ids=["run 3"]), "artifact_tasks.run_id", "artifact_tasks_run_id"
    ),
}
SORTED = "links of a task"
"""A task has few links: their order by id is not worth an index."""


def indexes_that_begin_with(column: str) -> set[str]:
    """The names of a table's indexes whose first column is this one, such as tasks.run_id."""
    table = tables.metadata.tables[column.partition(".")[0]]
    unique = [each for each in table.constraints if isinstance(each, UniqueConstraint)]
    return {str(each.name) for each in (*table.indexes, *unique) if str(next(iter(each.columns))) == column}


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_in_its_default_order_walks_its_index(busy_store: SqlStore, name: str, direction: str) -> None:
    each = LISTS[name]
    sort = f"{each.listable.default_order.field.key} {direction}"
    for plan in await plans_of_two_pages(busy_store, each, sort, may_sort=name == SORTED):
        assert each.index in plan.indexes, plan.shown
        assert plan.sorts == (name == SORTED), plan.shown


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("name", LISTS)
async def test_a_list_by_id_uses_an_index_of_its_scope_or_of_ids(
    busy_store: SqlStore, name: str, direction: str
) -> None:
    each = LISTS[name]
    by_id = next(key for key, field in each.listable.fields.items() if field.column == "id")
    useful = {f"{each.scope.partition('.')[0]}.id", *indexes_that_begin_with(each.scope)}
    for plan in await plans_of_two_pages(busy_store, each, f"{by_id} {direction}", may_sort=True):
        assert useful & plan.indexes, plan.shown


@pytest.mark.parametrize("name", [name for name in LISTS if " of " in name])
async def test_the_size_of_a_list_is_counted_by_an_index_of_its_scope(busy_store: SqlStore, name: str) -> None:
    each = LISTS[name]
    with statements(busy_store) as log:
        await busy_store.read(lambda tx: each.ask(tx, each.listing()))
    assert "count(*)" in log[1].text
    plan = await explain(busy_store, log[1])
    assert indexes_that_begin_with(each.scope) & plan.indexes, plan.shown


async def plans_of_two_pages(store: SqlStore, each: List, sort: str, *, may_sort: bool) -> list[Plan]:
    """The plans of a first page and of one behind a cursor."""
    request = each.listing(sort, page_size=10)
    first = await store.read(lambda tx: each.ask(tx, request))
    if first.next is None:
        request = replace(request, page_size=2)
        first = await store.read(lambda tx: each.ask(tx, request))
    with statements(store) as log:
        for page in (request, replace(request, after=first.next)):
            await store.read(lambda tx, page=page: each.ask(tx, page))  # type: ignore[misc]
    rows = [one for one in log if "LIMIT" in one.text and "count(*)" not in one.text]
    assert len(rows) == 2
    return [await explain(store, one, may_sort=may_sort) for one in rows]


UNFINISHED = List(
    RUN_LIST,
    runs(),
    "runs.state",
    "runs_state_created",
    json.dumps(
        {"predicates": [{"key": "state", "operation": "IN", "string_values": {"values": ["RUNNING", "PENDING"]}}]}
    ),
)
UNAVAILABLE = List(
    RUN_LIST, runs(), "runs.storage_state", "runs_storage_state_created", of("storage_state", "AVAILABLE", "NOT_EQUALS")
)


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("each", [UNFINISHED, UNAVAILABLE], ids=["unfinished", "not available"])
async def test_rows_with_one_of_some_values_are_the_first_of_the_first_with_each(
    busy_store: SqlStore, each: List, direction: str
) -> None:
    request = each.listing(f"created_at {direction}", page_size=5)
    with statements(busy_store) as log:
        pages = await all_pages(busy_store, each.ask, request)
    rows = [one for one in log if "count(*)" not in one.text]
    assert len(rows) == len(pages) == 4
    for one in rows:
        assert one.text.count("LIMIT") > 2
        plan = await explain(busy_store, one)
        assert each.index in plan.indexes, plan.shown
    wanted = [
        run
        for run in many_runs()
        if (run.state != "SUCCEEDED" if each is UNFINISHED else run.storage_state == "ARCHIVED")
    ]
    wanted.sort(key=lambda run: (run.created_at, run.id), reverse=direction == "desc")
    assert ids_of(pages) == [run.id for run in wanted]
    assert {page.total_size for page in pages} == {len(wanted)}


@pytest.mark.databases("sqlite")
async def test_a_state_does_not_lead_away_from_the_index_of_an_experiment(busy_store: SqlStore) -> None:
    each = replace(UNAVAILABLE, ask=runs(experiment_id="e3"), filter=of("storage_state", "AVAILABLE"))
    with statements(busy_store) as log:
        await busy_store.read(lambda tx: each.ask(tx, each.listing("created_at desc", page_size=5)))
    for one in log:
        plan = await explain(busy_store, one)
        assert plan.indexes & {"runs_experiment_created"}, plan.shown


@pytest.mark.parametrize("name", ["runs", "tasks of a run", "artifacts"])
async def test_a_sort_without_an_index_sorts_ids(busy_store: SqlStore, name: str) -> None:
    each = LISTS[name]
    with statements(busy_store) as log:
        page = await busy_store.read(lambda tx: each.ask(tx, each.listing("name desc", page_size=5, with_total=False)))
    sorted_part = log[0].text.partition("JOIN (")[2]
    assert sorted_part
    assert "description" not in sorted_part.partition("WHERE")[0]
    assert len(page.rows) == 5


URI = Predicate(ARTIFACTS["uri"], Operation.EQUALS, ("s3://3",))
URIS = Predicate(ARTIFACTS["uri"], Operation.IN, ("s3://3", "s3://4"))

LOOKUPS: dict[str, tuple[Callable[[ReadTx], Awaitable[Any]], str]] = {
    "artifacts by uri": (lambda tx: tx.artifacts.find_by_uri("n3", "s3://1"), "artifacts.uri_hash"),
    "artifacts filtered by uri": (
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, predicates=(URI,), page_size=20), namespace=None),
        "artifacts.uri_hash",
    ),
    "artifacts filtered by uris": (
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, predicates=(URIS,), page_size=20), namespace=None),
        "artifacts.uri_hash",
    ),
    "task from the cache": (lambda tx: tx.tasks.find_cached("print 3", None), "tasks.cache_fingerprint"),
    "task from the cache of a namespace": (
        lambda tx: tx.tasks.find_cached("print 3", ""),
        "tasks.cache_fingerprint",
    ),
    "run of a recurring run": (lambda tx: tx.runs.find_recurring("weekly", "run"), "runs.recurring_run_id"),
    "running tasks": (lambda tx: tx.tasks.running("run 3"), "tasks.run_id"),
    "children": (lambda tx: tx.tasks.children("run 3", ["run 3 task 1"]), "tasks.run_id"),
    "tasks of runs": (lambda tx: tx.tasks.list_of_runs(["run 3", "run 4"]), "tasks.run_id"),
    "first tasks of a run": (lambda tx: tx.tasks.list_of_runs(["run 3"], rows_max=200), "tasks.run_id"),
    "counted tasks": (lambda tx: tx.runs.task_counts(["run 3", "run 4"]), "tasks.run_id"),
    "running leaf": (lambda tx: tx.tasks.has_running_leaf("run 3"), "tasks.run_id"),
    "links of runs": (lambda tx: tx.artifact_tasks.of_runs(["run 3"]), "artifact_tasks.run_id"),
    "links of tasks": (lambda tx: tx.artifact_tasks.of_tasks(["run 3 task 3"]), "artifact_tasks.task_id"),
}


@pytest.mark.parametrize("name", LOOKUPS)
async def test_a_lookup_uses_its_index(busy_store: SqlStore, name: str) -> None:
    look_up, column = LOOKUPS[name]
    with statements(busy_store) as log:
        await busy_store.read(look_up)
    for each in log:
        plan = await explain(busy_store, each)
        assert indexes_that_begin_with(column) & plan.indexes, plan.shown


@pytest.mark.parametrize("namespace", [None, ""])
async def test_a_cached_task_is_found_without_a_sort(busy_store: SqlStore, namespace: str | None) -> None:
    with statements(busy_store) as log:
        await busy_store.read(lambda tx: tx.tasks.find_cached("print 3", namespace))
    plan = await explain(busy_store, log[0], may_sort=False)
    assert (plan.indexes, plan.sorts) == ({"tasks_cached"}, False), plan.shown


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("name", ["artifacts by uri", "task from the cache", "run of a recurring run"])
async def test_a_plan_for_any_value_can_use_a_partial_index(busy_store: SqlStore, name: str) -> None:
    look_up, column = LOOKUPS[name]
    with statements(busy_store) as log:
        await busy_store.read(look_up)
    plan = await explain_for_any_value(busy_store, log[0])
    assert indexes_that_begin_with(column) & plan.indexes, plan.shown


async def test_a_lookup_by_identity_or_parent_uses_a_unique_index(busy_store: SqlStore) -> None:
    with statements(busy_store) as log:
        await busy_store.read(lambda tx: tx.artifacts.find_by_identity("n3", "i3"))
        await busy_store.read(lambda tx: tx.tasks.ancestors(["run 3 task 9"]))
    plans = [await explain(busy_store, each) for each in log]
    assert "artifacts_identity" in plans[0].indexes, plans[0].shown
    assert "tasks.id" in plans[1].indexes, plans[1].shown
