"""What lists of runs show: many runs at a time, and of each no more than is asked for."""

import json
from typing import Any

from server.rules.lineage import choice
from storage import overview
from storage.fields import RUN_LIST
from storage.ids import new_id
from storage.model import Artifact, ArtifactType, IOType, Run, Task, TaskState, TaskType
from storage.overview import FailedTask, LastWrites
from storage.sql.overview import STATUS_CHARACTERS
from storage.sql.store import SqlStore
from tests.contract.builders import (
    MOMENT,
    a_link,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)
from tests.contract.listings import listing

MANY = 70
"""More than one statement has branches for."""


def a_failed_task(run: Run, **changes: Any) -> Task:
    """A task that did something, and failed."""
    kind = {"type": TaskType.RUNTIME.value, "state": TaskState.FAILED.value}
    return a_task(run.id, **kind | changes)


def a_metric(**changes: Any) -> Artifact:
    """The number that a task made."""
    return an_artifact(**{"type": ArtifactType.Metric.value, "number_value": 0.5} | changes)


async def failed_in(store: SqlStore, *runs: Run, newest: bool = True, among: int = 10) -> dict[str, FailedTask]:
    ids = [run.id for run in runs]
    return await store.read(lambda tx: tx.overview.failed_tasks(ids, newest=newest, among=among))


async def metrics_of(store: SqlStore, *runs: Run, per_run: int = 8, among: int = 10) -> list[tuple[str, str, float]]:
    ids = [run.id for run in runs]
    found = await store.read(lambda tx: tx.overview.metrics(ids, per_run=per_run, among=among))
    return [(each.run_id, each.name, each.value) for each in found]


def test_who_does_something_is_the_same_for_lists_and_walks() -> None:
    assert overview.DOERS == choice.DOERS


async def test_runs_without_what_can_be_long_list_as_runs_do(store: SqlStore) -> None:
    runs = [a_run(created_at=MOMENT + n % 3, display_name=f"run {n % 4}", finished_at=n or None) for n in range(9)]
    await keep(store, *runs)
    for sort in ("", "display_name desc", "finished_at", "state_history"):
        asked = listing(RUN_LIST, sort, page_size=4)
        whole = await store.read(lambda tx, asked=asked: tx.runs.list(asked, **ANYWHERE, with_spec=False))  # type: ignore[misc]
        found = await store.read(lambda tx, asked=asked: tx.overview.list_runs(asked, **ANYWHERE))  # type: ignore[misc]
        assert [row.id for row in found.rows] == [run.id for run in whole.rows]
        assert (found.total_size, found.next) == (whole.total_size, whole.next)
        assert [(row.display_name, row.finished_at) for row in found.rows] == [
            (run.display_name, run.finished_at) for run in whole.rows
        ]


ANYWHERE: dict[str, Any] = {"experiment_id": None, "namespace": None}


async def test_an_experiment_and_a_namespace_limit_that_list_as_well(store: SqlStore) -> None:
    inside = a_run(experiment_id="one", namespace="team")
    await keep(store, inside, a_run(experiment_id="one"), a_run(experiment_id="two", namespace="team"))
    asked = listing(RUN_LIST)
    found = await store.read(lambda tx: tx.overview.list_runs(asked, experiment_id="one", namespace="team"))
    assert [row.id for row in found.rows] == [inside.id]


async def test_the_newest_runs_in_each_state_are_counted_archived_or_not(store: SqlStore) -> None:
    runs = [a_run(state="SUCCEEDED", created_at=MOMENT + n) for n in range(5)]
    await keep(store, *runs, a_run(state="RUNNING", storage_state="ARCHIVED"))
    counts = await store.read(lambda tx: tx.overview.count_by_state(namespace=None, among=4))
    assert [(each.state, each.examined, each.count) for each in counts] == [("RUNNING", 1, 1), ("SUCCEEDED", 4, 4)]


async def test_a_namespace_limits_which_runs_are_counted(store: SqlStore) -> None:
    places = ["team", "", "team", ""]
    await keep(store, *(a_run(state="FAILED", namespace=name, created_at=n) for n, name in enumerate(places)))
    counts = await store.read(lambda tx: tx.overview.count_by_state(namespace="team", among=3))
    assert [(each.state, each.examined, each.count) for each in counts] == [("FAILED", 3, 1)]


async def test_states_without_runs_are_left_out_of_the_counts(store: SqlStore) -> None:
    assert await store.read(lambda tx: tx.overview.count_by_state(namespace=None, among=9)) == []
    await keep(store, a_run(state="PAUSED"))
    [count] = await store.read(lambda tx: tx.overview.count_by_state(namespace="team", among=9))
    assert (count.state, count.examined, count.count) == ("PAUSED", 1, 0)


async def ended(store: SqlStore, *, namespace: str | None = None, among: int = 9) -> tuple[int, int]:
    """How many failed runs are looked at, and how many of them are found to have ended."""
    count = await store.read(
        lambda tx: tx.overview.count_ended(
            "FAILED", created_since=MOMENT - 9, ended_since=MOMENT, namespace=namespace, among=among
        )
    )
    return count.examined, count.count


async def test_runs_in_a_state_that_ended_since_a_time_are_counted_among_the_newest_without_archived_ones(
    store: SqlStore,
) -> None:
    assert await ended(store) == (0, 0)
    ends = [MOMENT + 1, MOMENT, MOMENT - 1, None]
    runs = [a_run(state="FAILED", created_at=MOMENT - n, finished_at=end) for n, end in enumerate(ends)]
    others = [a_run(state="FAILED", created_at=MOMENT - 10, finished_at=MOMENT + 1), a_run(state="SUCCEEDED")]
    archived = a_run(state="FAILED", storage_state="ARCHIVED", created_at=MOMENT + 1)
    await keep(store, *runs, *others, archived)
    assert await ended(store) == (5, 2)
    assert await ended(store, among=2) == (2, 1)
    await keep(store, a_run(state="FAILED"))
    assert await ended(store) == (6, 3)


async def test_a_namespace_limits_which_ended_runs_are_counted(store: SqlStore) -> None:
    await keep(store, a_run(state="FAILED", namespace="team"), a_run(state="FAILED"))
    assert await ended(store, namespace="team") == (2, 1)


async def test_runs_in_a_state_that_have_not_changed_since_a_time_come_newest_first_without_archived_ones(
    store: SqlStore,
) -> None:
    runs = [a_run(state="RUNNING", created_at=MOMENT - n, updated_at=MOMENT - n % 2) for n in range(1, 6)]
    others = [a_run(state="PENDING", created_at=MOMENT - 1), a_run(state="RUNNING", storage_state="ARCHIVED")]
    await keep(store, *reversed(runs), *others)

    async def unchanged(**limits: int) -> list[str]:
        limits = {"among": 9, "limit": 9} | limits
        found = await store.read(
            lambda tx: tx.overview.list_unchanged("RUNNING", before=MOMENT, namespace=None, **limits)
        )
        return [row.id for row in found]

    assert await unchanged() == [run.id for run in runs[::2]]
    assert await unchanged(limit=2) == [run.id for run in runs[:3:2]]
    assert await unchanged(among=2) == [runs[0].id]


async def test_a_namespace_limits_which_unchanged_runs_come(store: SqlStore) -> None:
    old = {"state": "RUNNING", "created_at": 1, "updated_at": 1}
    inside = a_run(namespace="team", **old)
    await keep(store, a_run(**old), inside)
    found = await store.read(
        lambda tx: tx.overview.list_unchanged("RUNNING", before=MOMENT, namespace="team", among=9, limit=9)
    )
    assert [row.id for row in found] == [inside.id]


async def test_the_last_writes_of_many_runs_are_those_of_their_newest_tasks_and_of_their_last_link(
    store: SqlStore,
) -> None:
    runs = [a_run() for _ in range(MANY)]
    tasks = [a_task(runs[0].id, created_at=MOMENT + n, updated_at=MOMENT + 90 - n) for n in range(5)]
    artifact = an_artifact()
    links = [a_link(tasks[0], artifact, key=str(n)) for n in range(3)]
    await keep(store, *runs, *tasks, artifact, *links)
    ids = [run.id for run in runs]
    found = await store.read(lambda tx: tx.overview.last_writes(ids, tasks=2))
    assert found[runs[0].id] == LastWrites(MOMENT + 87, links[-1].id)
    assert found[runs[-1].id] == LastWrites(0, "")
    assert len(found) == MANY


async def test_the_failed_task_of_a_run_is_the_first_that_ended_of_those_that_do_something_themselves_if_there_are_any(
    store: SqlStore,
) -> None:
    run, only_groups, fine = runs = [a_run() for _ in range(3)]
    group = {"type": TaskType.DAG.value, "finished_at": MOMENT + 1}
    tasks = [
        a_failed_task(run, created_at=MOMENT + 1, finished_at=MOMENT + 9),
        a_failed_task(run, created_at=MOMENT + 2, finished_at=MOMENT + 8, name="guilty"),
        a_failed_task(run, **group),
        a_failed_task(run, finished_at=MOMENT + 2, state=TaskState.SUCCEEDED.value),
        a_failed_task(only_groups, **group),
        a_failed_task(only_groups, **group | {"finished_at": MOMENT, "type": TaskType.ROOT.value, "name": "root"}),
        a_failed_task(fine, state=TaskState.SUCCEEDED.value),
    ]
    await keep(store, *runs, *tasks)
    found = await failed_in(store, *runs)
    assert {run_id: (task.name, task.is_doer) for run_id, task in found.items()} == {
        run.id: ("guilty", True),
        only_groups.id: ("root", False),
    }


async def test_it_is_looked_for_among_the_newest_or_the_oldest_tasks_of_each_run(store: SqlStore) -> None:
    runs = [a_run() for _ in range(MANY)]
    tasks = [a_failed_task(run, created_at=MOMENT + n, name=str(n)) for run in runs for n in range(4)]
    await keep(store, *runs, *tasks)
    newest = await failed_in(store, *runs, among=2)
    oldest = await failed_in(store, *runs, among=2, newest=False)
    assert {task.name for task in newest.values()} == {"2"}
    assert {task.name for task in oldest.values()} == {"0"}
    assert len(newest) == len(oldest) == MANY


async def test_what_a_failed_task_said_is_cut(store: SqlStore) -> None:
    long, short = runs = [a_run() for _ in range(2)]
    texts = [json.dumps({"message": "m" * length}) for length in (STATUS_CHARACTERS, 9)]
    tasks = [a_failed_task(run, status_metadata=text) for run, text in zip(runs, texts, strict=True)]
    await keep(store, *runs, *tasks)
    found = await failed_in(store, *runs)
    assert found[long.id].status == texts[0][:STATUS_CHARACTERS]
    assert found[short.id].status == texts[1]


async def test_metrics_of_many_runs_come_by_run_and_name_at_most_so_many_for_each_run(store: SqlStore) -> None:
    runs = [a_run() for _ in range(MANY)]
    tasks = [a_task(run.id) for run in runs]
    made = [(task, a_metric(name=name, number_value=ord(name))) for task in tasks for name in "cBaé"]
    await keep(store, *runs, *tasks, *(metric for _, metric in made), *(a_link(*each) for each in made))
    found = await metrics_of(store, *runs, per_run=3)
    assert found == [(run.id, name, float(ord(name))) for run in runs for name in "Bac"]


async def test_of_each_name_there_is_the_metric_that_was_recorded_last(store: SqlStore) -> None:
    run = a_run()
    tasks = [a_task(run.id) for _ in range(3)]
    metrics = [a_metric(name="loss", number_value=number) for number in (3.0, 1.0, 2.0)]
    links = [a_link(task, metric, id=new_id()) for task, metric in zip(tasks, metrics, strict=True)]
    await keep(store, run, *tasks, *metrics, *reversed(links))
    assert await metrics_of(store, run) == [(run.id, "loss", 2.0)]


async def test_they_are_looked_for_among_the_newest_links_of_each_run(store: SqlStore) -> None:
    run = a_run()
    task = a_task(run.id)
    metrics = [a_metric(name=name) for name in "abcd"]
    await keep(store, run, task, *metrics, *(a_link(task, metric, key=metric.name) for metric in metrics))
    assert [name for _, name, _ in await metrics_of(store, run, among=2)] == ["c", "d"]


async def test_only_metrics_that_tasks_made_and_that_have_a_number_are_metrics_of_a_run(store: SqlStore) -> None:
    run = a_run()
    task = a_task(run.id)
    metrics = [
        a_metric(name="made"),
        a_metric(name="taken"),
        a_metric(name="empty", number_value=None),
        a_metric(name="model", type=ArtifactType.Model.value),
    ]
    kinds = [IOType.OUTPUT.value, IOType.COMPONENT_INPUT.value, IOType.OUTPUT.value, IOType.OUTPUT.value]
    links = [a_link(task, metric, type=type, key=metric.name) for metric, type in zip(metrics, kinds, strict=True)]
    await keep(store, run, task, *metrics, *links)
    assert [name for _, name, _ in await metrics_of(store, run)] == ["made"]


async def test_runs_come_with_their_runtime_configuration_unless_it_is_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    runs = [a_run(runtime_config=text) for text in ("é" * 9, "x" * 30, None)]
    await keep(store, *runs)
    ids = [*(run.id for run in runs), new_id()]
    found = await store.read(lambda tx: tx.overview.runtime_configs(ids, characters=20))
    assert found == {runs[0].id: "é" * 9}


async def test_runs_come_with_the_inputs_of_their_root_task_unless_they_are_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    runs = [a_run() for _ in range(MANY)]
    root = {"type": TaskType.ROOT.value}
    tasks = [a_task(run.id, input_parameters="x" * (9 if run is runs[0] else 30), **root) for run in runs]
    other = a_task(runs[0].id, created_at=MOMENT - 1, input_parameters="other", type=TaskType.RUNTIME.value)
    child = a_task(runs[0].id, created_at=MOMENT - 1, input_parameters="child", parent_task_id=other.id, **root)
    await keep(store, *runs, *tasks, other, child)
    found = await store.read(lambda tx: tx.overview.root_inputs([run.id for run in runs], characters=20))
    assert found == {runs[0].id: "x" * 9}


async def test_names_of_unknown_experiments_are_left_out(store: SqlStore) -> None:
    experiment = an_experiment()
    await keep(store, experiment)
    ids = [experiment.id, new_id(), "", "\ud800"]
    found = await store.read(lambda tx: tx.overview.experiment_names(ids))
    assert found == {experiment.id: experiment.name}


async def test_pipelines_are_called_by_their_display_name_otherwise_by_their_name(store: SqlStore) -> None:
    named, unnamed = a_pipeline(display_name="shown"), a_pipeline()
    await keep(store, named, unnamed)
    ids = [named.id, unnamed.id, new_id()]
    found = await store.read(lambda tx: tx.overview.pipeline_names(ids))
    assert found == {named.id: "shown", unnamed.id: unnamed.name}


async def test_pipeline_versions_are_called_by_their_display_name_otherwise_by_their_name(store: SqlStore) -> None:
    pipeline = a_pipeline()
    named, unnamed = a_version(pipeline.id, display_name="shown"), a_version(pipeline.id)
    await keep(store, pipeline, named, unnamed)
    ids = [named.id, unnamed.id, new_id()]
    found = await store.read(lambda tx: tx.overview.version_names(ids))
    assert found == {named.id: "shown", unnamed.id: unnamed.name}
