"""What a search and a comparison read is found along indexes that have its order, and no more of it than is asked for."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage.contract import ReadTx
from storage.digests import text_digest
from storage.search import After, Along, LinksFrom, TasksFrom
from storage.sql.store import SqlStore
from tests.contract import test_lists_use_their_indexes
from tests.contract.plans import explain
from tests.contract.watching import statements

pytestmark = pytest.mark.one_driver
upgrade_and_fill = test_lists_use_their_indexes.upgrade_and_fill

HASH = text_digest("s3://3")
AFTER, SINCE = After(140, "run 280"), 20


Read = Callable[[ReadTx], Awaitable[Any]]


def runs(along: Along, value: str = "") -> Read:
    return lambda tx: tx.search.runs(along, value, after=AFTER, since=SINCE, limit=5)


def artifacts(namespace: str | None) -> Read:
    return lambda tx: tx.search.artifacts(namespace, after=AFTER, since=SINCE, limit=5)


ALONG: dict[str, tuple[Read, str]] = {
    "runs": (runs(Along.CREATED), "runs_created"),
    "runs of a namespace": (runs(Along.NAMESPACE, "n3"), "runs_namespace_created"),
    "runs in a state": (runs(Along.STATE, "RUNNING"), "runs_state_created"),
    "runs of an experiment": (runs(Along.EXPERIMENT, "e3"), "runs_experiment_created"),
    "runs of a pipeline": (runs(Along.PIPELINE, "p3"), "runs_pipeline_created"),
    "artifacts": (artifacts(None), "artifacts_created"),
    "artifacts of a namespace": (artifacts("n3"), "artifacts_namespace_created"),
    "experiments": (lambda tx: tx.search.experiments(after=AFTER, since=SINCE, limit=5), "experiments_created"),
    "artifacts at a uri": (
        lambda tx: tx.search.artifacts_at_uri(HASH, "n3", after=AFTER, limit=5),
        "artifacts_uri_created",
    ),
    "namespaces of a uri": (lambda tx: tx.search.namespace_of_uri(HASH, first="n"), "artifacts_uri_created"),
}


@pytest.mark.parametrize("name", ALONG)
async def test_a_search_walks_an_index_without_a_sort(busy_store: SqlStore, name: str) -> None:
    read, index = ALONG[name]
    with statements(busy_store) as log:
        await busy_store.read(read)
    assert len(log) == 1
    plan = await explain(busy_store, log[0], may_sort=False)
    assert (set(plan.indexes), plan.sorts) == ({index}, False), plan.shown


LINKS = [LinksFrom(f"run {number}", "a") for number in range(3)]
TASKS = [TasksFrom(f"run {number}", After(2)) for number in range(3)]
EACH: dict[str, tuple[Read, set[str]]] = {
    "tasks of runs": (lambda tx: tx.search.tasks_of_runs(TASKS, per_run=5), {"tasks_run_created"}),
    "metrics of runs": (
        lambda tx: tx.search.metrics_of_runs(LINKS, ["accuracy"], links=5),
        {"artifact_tasks_run_id", "artifacts.id"},
    ),
    "ends of links": (lambda tx: tx.search.ends_of_links(LINKS, links=5), {"artifact_tasks_run_id"}),
    "runs by id": (lambda tx: tx.search.runs_by_id(["run 3", "run 4"]), {"runs.id"}),
    "experiments by id": (lambda tx: tx.search.experiments_by_id(["experiment 3"]), {"experiments.id"}),
    "names of pipelines": (lambda tx: tx.search.pipeline_names(["pipeline 3"]), {"pipelines.id"}),
    "experiments of a name": (lambda tx: tx.search.experiments_named("experiment 3"), {"experiments_name"}),
    "pipelines of a name": (lambda tx: tx.search.pipelines_named("pipeline 3"), {"pipelines_name"}),
    "settings of runs": (lambda tx: tx.comparison.settings(["run 3", "run 4"]), {"runs.id"}),
    "sizes of settings": (lambda tx: tx.comparison.settings_sizes(["run 3", "run 4"]), {"runs.id"}),
    "root tasks": (lambda tx: tx.comparison.root_tasks(["run 3", "run 4"]), {"tasks_run_parent_created"}),
    "inputs of tasks": (lambda tx: tx.comparison.inputs_of_tasks(["run 3 task 1"]), {"tasks.id"}),
    "places of tasks": (lambda tx: tx.comparison.places(["run 3 task 1", "run 4 task 1"]), {"tasks.id"}),
    "counted links": (lambda tx: tx.comparison.count_links(["run 3", "run 4"], limit=5), {"artifact_tasks_run_id"}),
    "links with tasks and artifacts": (
        lambda tx: tx.comparison.links(["run 3", "run 4"], only_metrics=False),
        {"artifact_tasks_run_id", "tasks.id", "artifacts.id"},
    ),
    "links to metrics": (
        lambda tx: tx.comparison.links(["run 3", "run 4"], only_metrics=True),
        {"artifact_tasks_run_id", "artifacts.id"},
    ),
}


@pytest.mark.parametrize("name", EACH)
async def test_what_is_looked_up_is_found_by_indexes(busy_store: SqlStore, name: str) -> None:
    read, indexes = EACH[name]
    with statements(busy_store) as log:
        await busy_store.read(read)
    assert len(log) == 1
    plan = await explain(busy_store, log[0])
    assert indexes <= plan.indexes, plan.shown
    assert not ({"runs", "tasks", "artifacts", "artifact_tasks"} & read_whole(busy_store, plan.shown)), plan.shown


def read_whole(store: SqlStore, shown: str) -> set[str]:
    """The tables that a plan on SQLite reads whole; other databases name them in other words."""
    lines = shown.splitlines() if store.dialect.name == "sqlite" else []
    return {line.split()[1] for line in lines if line.startswith("SCAN") and "USING" not in line}
