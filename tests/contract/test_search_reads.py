"""What a search looks through: rows along their indexes, and what is looked up for many at once."""

from typing import Any

import pytest

from storage.digests import text_digest
from storage.ids import new_id
from storage.lineage import ExperimentNode, RunNode
from storage.model import Artifact, ArtifactType, IOType, Run, Task
from storage.search import After, Along, LinksFrom, MetricOfRun, PipelineNames, TasksFrom
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_pipeline, a_run, a_task, an_artifact, an_experiment, keep
from tests.contract.uris import with_uri

NEWEST = After(2**63 - 1)
FIRST = -(2**63)
METRIC = ArtifactType.Metric.value
MANY = 70
"""More than one statement has branches for."""


def at(times: list[int]) -> list[dict[str, Any]]:
    """Ids in the order in which rows come, newest first; some have one time."""
    return [{"id": f"row {9 - number}", "created_at": MOMENT + time} for number, time in enumerate(times)]


TIMES = [30, 20, 20, 10]


async def test_runs_come_newest_first_after_a_row_and_not_before_a_time(store: SqlStore) -> None:
    kept = [a_run(**fields, state="FAILED", finished_at=MOMENT) for fields in at(TIMES)]
    await keep(store, *reversed(kept))

    async def runs(after: After, since: int = FIRST, limit: int = 10) -> list[str]:
        found = await store.read(lambda tx: tx.search.runs(Along.CREATED, "", after=after, since=since, limit=limit))
        return [run.id for run in found]

    ids = [run.id for run in kept]
    assert await runs(NEWEST) == ids
    assert await runs(NEWEST, limit=2) == ids[:2]
    assert await runs(After(MOMENT + 20, ids[1])) == ids[2:]
    assert await runs(After(MOMENT + 20)) == ids[3:]
    assert await runs(After(MOMENT + 21)) == ids[1:]
    assert await runs(NEWEST, since=MOMENT + 20) == ids[:3]
    [first] = await store.read(lambda tx: tx.search.runs(Along.CREATED, "", after=NEWEST, since=FIRST, limit=1))
    assert first == RunNode(ids[0], "run", "FAILED", "", "experiment", "", MOMENT + 30, MOMENT)


@pytest.mark.parametrize("along", [along for along in Along if along.value])
async def test_runs_can_be_those_of_one_value(store: SqlStore, along: Along) -> None:
    assert along.value is not None
    wanted = [a_run(**fields, **{along.value: "this"}) for fields in at(TIMES)]
    await keep(store, *wanted, *(a_run(**{along.value: other}) for other in ("", "that", "This")))
    found = await store.read(lambda tx: tx.search.runs(along, "this", after=NEWEST, since=FIRST, limit=3))
    assert [run.id for run in found] == [run.id for run in wanted[:3]]
    after = After(found[1].created_at, found[1].id)
    found = await store.read(lambda tx: tx.search.runs(along, "this", after=after, since=MOMENT + 20, limit=9))
    assert [run.id for run in found] == [wanted[2].id]


async def artifacts(store: SqlStore, namespace: str | None, after: After, since: int = FIRST) -> list[str]:
    """The ids of artifacts after a row."""
    found = await store.read(lambda tx: tx.search.artifacts(namespace, after=after, since=since, limit=3))
    return [artifact.id for artifact in found]


async def test_artifacts_come_newest_first_after_a_row_and_not_before_a_time(store: SqlStore) -> None:
    kept = [an_artifact(**fields) for fields in at(TIMES)]
    await keep(store, *reversed(kept))
    ids = [artifact.id for artifact in kept]
    assert await artifacts(store, None, NEWEST) == ids[:3]
    assert await artifacts(store, None, After(MOMENT + 20, ids[1])) == ids[2:]
    assert await artifacts(store, None, NEWEST, since=MOMENT + 30) == ids[:1]


async def test_artifacts_can_be_those_of_one_namespace(store: SqlStore) -> None:
    kept = [an_artifact(**fields, namespace="here") for fields in at(TIMES)]
    await keep(store, *kept, an_artifact(namespace="there", created_at=MOMENT + 40), an_artifact())
    ids = [artifact.id for artifact in kept]
    assert await artifacts(store, "here", NEWEST) == ids[:3]
    assert await artifacts(store, "here", After(MOMENT + 20, ids[1]), since=MOMENT + 20) == [ids[2]]


async def test_experiments_come_newest_first_after_a_row_and_not_before_a_time(store: SqlStore) -> None:
    kept = [an_experiment(**fields) for fields in at(TIMES)]
    await keep(store, *reversed(kept))
    found = await store.read(lambda tx: tx.search.experiments(after=After(MOMENT + 31), since=MOMENT + 20, limit=9))
    assert [each.id for each in found] == [each.id for each in kept[:3]]
    after = After(MOMENT + 20, kept[1].id)
    found = await store.read(lambda tx: tx.search.experiments(after=after, since=FIRST, limit=1))
    assert found == [ExperimentNode(kept[2].id, kept[2].name, "AVAILABLE", "", MOMENT + 20)]


async def test_tasks_of_runs_come_oldest_first_after_a_row_of_each_at_most_so_many_for_each_run(
    store: SqlStore,
) -> None:
    runs = [a_run() for _ in range(MANY)]
    first = [a_task(runs[0].id, id=f"task {n}", created_at=MOMENT + n // 2) for n in range(6)]
    second = [a_task(runs[1].id, id=f"other {n}", created_at=MOMENT) for n in range(3)]
    rest = [a_task(run.id) for run in runs[2:]]
    await keep(store, *runs, *reversed(first), *second, *rest)
    froms = [
        TasksFrom(runs[0].id, After(MOMENT, "task 1")),
        TasksFrom(runs[1].id, After(MOMENT, "other 0")),
        *(TasksFrom(run.id, After(FIRST)) for run in runs[2:]),
    ]
    found = await store.read(lambda tx: tx.search.tasks_of_runs(froms, per_run=3))
    assert [task.id for task in found[runs[0].id]] == ["task 2", "task 3", "task 4"]
    assert [task.id for task in found[runs[1].id]] == ["other 1", "other 2"]
    assert [[task.id for task in found[run.id]] for run in runs[2:]] == [[task.id] for task in rest]


HASH = text_digest("s3://here")


async def test_the_first_namespace_of_a_uri_is_found_from_any_text_on(store: SqlStore) -> None:
    place = with_uri("s3://here")
    await keep(store, *(an_artifact(namespace=namespace, **place) for namespace in ("b", "", "a", "b", "é")))
    found = []
    first: str | None = ""
    while first is not None:
        first = await store.read(lambda tx, first=first: tx.search.namespace_of_uri(HASH, first=first))  # type: ignore[misc]
        found.append(first)
        first = None if first is None else first + "\x01"
    assert found == ["", "a", "b", "é", None]


async def test_a_uri_that_no_artifact_has_is_in_no_namespace(store: SqlStore) -> None:
    await keep(store, an_artifact(), an_artifact(**with_uri("s3://there")))
    assert await store.read(lambda tx: tx.search.namespace_of_uri(HASH, first="")) is None
    assert await store.read(lambda tx: tx.search.namespace_of_uri("", first="")) is None


async def test_artifacts_at_a_uri_in_a_namespace_come_newest_first_after_a_row(store: SqlStore) -> None:
    place = {"namespace": "n", **with_uri("s3://here")}
    kept = [an_artifact(**fields, **place) for fields in at(TIMES)]
    await keep(store, *reversed(kept), an_artifact(**place | {"namespace": "m"}), an_artifact(namespace="n"))

    async def found(after: After, limit: int) -> list[str]:
        rows = await store.read(lambda tx: tx.search.artifacts_at_uri(HASH, "n", after=after, limit=limit))
        return [artifact.id for artifact in rows]

    assert await found(NEWEST, 2) == [artifact.id for artifact in kept[:2]]
    assert await found(After(MOMENT + 20, kept[1].id), 9) == [artifact.id for artifact in kept[2:]]


async def test_runs_that_are_looked_up_and_do_not_exist_are_left_out(store: SqlStore) -> None:
    run = a_run(pipeline_id="p", namespace="n")
    await keep(store, run)
    found = await store.read(lambda tx: tx.search.runs_by_id([new_id(), run.id, "x" * 500]))
    assert found == {run.id: RunNode(run.id, "run", "PENDING", "p", "experiment", "n", MOMENT, None)}
    assert await store.read(lambda tx: tx.search.runs_by_id([])) == {}


async def test_experiments_that_are_looked_up_and_do_not_exist_are_left_out(store: SqlStore) -> None:
    kept = an_experiment(namespace="n")
    await keep(store, kept)
    found = await store.read(lambda tx: tx.search.experiments_by_id([new_id(), kept.id]))
    assert found == {kept.id: ExperimentNode(kept.id, kept.name, "AVAILABLE", "n", MOMENT)}


async def test_names_of_pipelines_that_do_not_exist_are_left_out(store: SqlStore) -> None:
    kept = a_pipeline(namespace="n", display_name="shown")
    await keep(store, kept)
    found = await store.read(lambda tx: tx.search.pipeline_names([new_id(), kept.id]))
    assert found == {kept.id: PipelineNames(kept.id, kept.name, "shown", "n")}


async def test_experiments_of_a_name_are_found_in_all_namespaces(store: SqlStore) -> None:
    kept = [an_experiment(name="churn", namespace=namespace) for namespace in "ab"]
    await keep(store, *kept, an_experiment(name="churn 2"), an_experiment(name="Churn"))
    found = await store.read(lambda tx: tx.search.experiments_named("churn"))
    assert {each.id for each in found} == {each.id for each in kept}


async def test_pipelines_of_a_name_are_found_in_all_namespaces(store: SqlStore) -> None:
    kept = [a_pipeline(name="churn", namespace=namespace) for namespace in "ab"]
    await keep(store, *kept, a_pipeline(name="churn 2"), a_pipeline(name="Churn"))
    found = await store.read(lambda tx: tx.search.pipelines_named("churn"))
    assert {each.id for each in found} == {each.id for each in kept}


async def a_run_with_metrics(store: SqlStore, **numbers: float | None) -> tuple[Run, Task, list[Artifact]]:
    """A run, one of whose tasks put out metrics, one link after the other."""
    run = a_run()
    task = a_task(run.id)
    metrics = [an_artifact(name=name, type=METRIC, number_value=number) for name, number in numbers.items()]
    await keep(store, run, task, *metrics, *(a_link(task, each, key=each.name) for each in metrics))
    return run, task, metrics


async def test_numbers_that_tasks_of_runs_put_out_as_metrics_of_some_names_are_among_so_many_links_of_each_run(
    store: SqlStore,
) -> None:
    run, task, _ = await a_run_with_metrics(store, accuracy=0.5, loss=2.0, none=None, f1=0.25)
    others = [await a_run_with_metrics(store, accuracy=float(number)) for number in range(MANY)]
    dataset = an_artifact(name="loss", number_value=3.0)
    used = an_artifact(name="f1", type=METRIC, number_value=9.0)
    await keep(
        store,
        dataset,
        used,
        a_link(task, dataset, key="dataset"),
        a_link(task, used, key="used", type=IOType.COMPONENT_INPUT.value),
    )

    async def found(links: int, *runs: LinksFrom, names: tuple[str, ...] = ("loss", "f1", "none")) -> Any:
        rows = await store.read(lambda tx: tx.search.metrics_of_runs(runs, names, links=links))
        return sorted(rows, key=lambda row: (row.number, row.name))

    assert await found(9, LinksFrom(run.id)) == [MetricOfRun(run.id, "f1", 0.25), MetricOfRun(run.id, "loss", 2.0)]
    assert await found(2, LinksFrom(run.id)) == [MetricOfRun(run.id, "loss", 2.0)]
    ends = await store.read(lambda tx: tx.search.ends_of_links([LinksFrom(run.id)], links=2))
    assert await found(9, LinksFrom(run.id, ends[run.id])) == [MetricOfRun(run.id, "f1", 0.25)]
    all_runs = [LinksFrom(each.id) for each, _, _ in others]
    assert [row.number for row in await found(9, *all_runs, names=("accuracy",))] == [float(n) for n in range(MANY)]


async def test_the_last_of_so_many_links_of_each_run_is_named_where_a_run_has_that_many(store: SqlStore) -> None:
    run, task, _ = await a_run_with_metrics(store, a=1.0, b=2.0)
    short, _, _ = await a_run_with_metrics(store, a=1.0)
    third = a_link(task, an_artifact(), key="c")
    artifact = an_artifact(id=third.artifact_id)
    await keep(store, artifact, third)

    async def ends(links: int, after: str = "") -> dict[str, str]:
        froms = [LinksFrom(run.id, after), LinksFrom(short.id)]
        return await store.read(lambda tx: tx.search.ends_of_links(froms, links=links))

    two = await ends(2)
    assert set(two) == {run.id}
    assert await ends(3) == {run.id: third.id}
    assert await ends(4) == {}
    assert (await ends(1, two[run.id]))[run.id] == third.id
    assert set(await ends(1)) == {run.id, short.id}
