"""What storage.contract promises of runs."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from storage.contract import Lock, ReadTx, WriteTx
from storage.errors import AlreadyExists, RowNotFound
from storage.fields import RUN_LIST
from storage.model import Run, RunActivity, RunChange, RunState, ShownRun
from storage.pages import Cursor
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_pipeline, a_run, a_task, a_version, an_artifact, keep
from tests.contract.concurrency import assert_waits
from tests.contract.listings import all_pages, ids_of, listing
from tests.contract.watching import statements

SPEC = '{"pipelineInfo":{"name":"p"}}'


async def get(store: SqlStore, run_id: str, *, with_spec: bool = True) -> Run:
    return await store.read(lambda tx: tx.runs.get(run_id, with_spec=with_spec))


async def test_a_run_comes_back_as_it_was_kept(store: SqlStore) -> None:
    run = a_run(
        display_name="Lauf 🏃",
        namespace="team",
        description="d",
        state=RunState.RUNNING.name,
        state_history='[{"state":"PENDING"}]',
        finished_at=MOMENT + 1,
        service_account="account",
        recurring_run_id="recurring",
        pipeline_id="pipeline",
        pipeline_version_id="version",
        runtime_config='{"a":"\\u0000"}',
        plugins_input="{}",
        pipeline_spec=SPEC,
    )
    await keep(store, run)
    assert await get(store, run.id) == run


async def test_the_head_of_a_run_is_read_without_its_specification(store: SqlStore) -> None:
    run = a_run(pipeline_spec=SPEC, display_name="shown")
    await keep(store, run)
    with statements(store) as log:
        head = await store.read(lambda tx: tx.runs.head(run.id))
    assert (head.id, head.display_name, head.state) == (run.id, "shown", "PENDING")
    assert ["pipeline_specs" in each.text for each in log] == [False]


async def test_raises_rownotfound_when_no_run_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound, match="run 'nowhere' not found"):
        await store.read(lambda tx: tx.runs.head("nowhere"))


async def test_a_run_is_read_with_its_specification_only_when_asked_for(store: SqlStore) -> None:
    run = a_run(pipeline_spec=SPEC)
    await keep(store, run)
    assert await get(store, run.id, with_spec=True) == run
    assert await get(store, run.id, with_spec=False) == replace(run, pipeline_spec=None)


async def test_getting_an_unknown_run_raises_rownotfound(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await get(store, "nowhere")


async def shown(store: SqlStore, run_id: str) -> ShownRun:
    return await store.read(lambda tx: tx.runs.get_shown(run_id))


async def test_a_shown_run_comes_with_its_own_specification_unless_the_version_it_names_exists(
    store: SqlStore,
) -> None:
    pipeline = a_pipeline()
    version, bare = a_version(pipeline.id, pipeline_spec=SPEC), a_version(pipeline.id)
    alone, with_version = a_run(pipeline_spec=SPEC), a_run(pipeline_spec=SPEC, pipeline_version_id=version.id)
    without_version, empty = (
        replace(with_version, id="gone", pipeline_version_id="v"),
        replace(with_version, id="e", pipeline_version_id=bare.id),
    )
    await keep(store, pipeline, version, bare, alone, with_version, without_version, empty)
    assert await shown(store, with_version.id) == ShownRun(replace(with_version, pipeline_spec=None), has_version=True)
    for run in (alone, without_version, empty):
        assert await shown(store, run.id) == ShownRun(run, has_version=False)


async def test_a_shown_run_counts_its_tasks(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    await keep(store, run, other, a_task(run.id), a_task(run.id), a_task(other.id))
    assert await shown(store, run.id) == ShownRun(run, has_version=False, task_count=2)


async def test_showing_an_unknown_run_raises_rownotfound(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await shown(store, "nowhere")


async def test_the_activity_of_a_run_has_its_task_count_their_last_change_and_its_last_link(store: SqlStore) -> None:
    run, other, artifact = a_run(), a_run(), an_artifact()
    first, last = a_task(run.id, updated_at=5), a_task(run.id, updated_at=9)
    links = [a_link(first, artifact, id="b"), a_link(last, artifact, id="a")]
    await keep(store, run, other, artifact, last, first, *links, a_task(other.id, updated_at=10))
    assert await store.read(lambda tx: tx.runs.activity(run.id)) == RunActivity(2, 9, "b")
    assert await store.read(lambda tx: tx.runs.activity("nowhere")) == RunActivity(0, 0, "")


async def test_a_run_of_a_recurring_run_is_found_by_its_display_name(store: SqlStore) -> None:
    run = a_run(recurring_run_id="weekly", display_name="week 1", pipeline_spec=SPEC)
    await keep(store, run, a_run(recurring_run_id="weekly", display_name="week 2"))
    await keep(store, a_run(recurring_run_id="daily", display_name="week 1"))
    assert await store.read(lambda tx: tx.runs.find_recurring("weekly", "week 1")) == run
    assert await store.read(lambda tx: tx.runs.find_recurring("weekly", "Week 1")) is None


async def test_an_empty_recurring_run_id_finds_nothing(store: SqlStore) -> None:
    await keep(store, a_run(display_name="alone"))
    assert await store.read(lambda tx: tx.runs.find_recurring("", "alone")) is None


async def list_ids(store: SqlStore, experiment_id: str | None = None, namespace: str | None = None) -> list[str]:
    pages = await all_pages(
        store,
        lambda tx, page: tx.runs.list(page, experiment_id=experiment_id, namespace=namespace, with_spec=True),
        listing(RUN_LIST, page_size=2),
    )
    return ids_of(pages)


async def test_runs_list_by_creation_time_then_id(store: SqlStore) -> None:
    second, third = a_run(created_at=5, pipeline_spec=SPEC), a_run(created_at=5)
    await keep(store, third, second, a_run(id="last", created_at=6), a_run(id="z", created_at=4))
    assert await list_ids(store) == ["z", second.id, third.id, "last"]


async def test_an_experiment_and_a_namespace_limit_the_list_of_runs(store: SqlStore) -> None:
    places = [(experiment, namespace) for experiment in "ab" for namespace in ("x", "y")]
    runs = [a_run(experiment_id=experiment, namespace=namespace) for experiment, namespace in places]
    await keep(store, *runs)
    assert await list_ids(store, "a") == [runs[0].id, runs[1].id]
    assert await list_ids(store, None, "y") == [runs[1].id, runs[3].id]
    assert await list_ids(store, "b", "x") == [runs[2].id]


async def test_a_listed_run_has_its_specification_only_when_asked_for(store: SqlStore) -> None:
    run = a_run(pipeline_spec=SPEC)
    await keep(store, run)

    def ask(with_spec: bool) -> Callable[[ReadTx], Awaitable[Any]]:
        return lambda tx: tx.runs.list(listing(RUN_LIST), experiment_id=None, namespace=None, with_spec=with_spec)

    assert (await store.read(ask(True))).rows == [run]
    assert (await store.read(ask(False))).rows == [replace(run, pipeline_spec=None)]


async def test_tasks_are_counted_for_many_runs_at_once(store: SqlStore) -> None:
    one, two = a_run(), a_run()
    await keep(store, one, two, a_task(one.id), a_task(two.id), a_task(two.id))
    assert await store.read(lambda tx: tx.runs.task_counts([one.id, two.id])) == {one.id: 1, two.id: 2}


async def test_runs_without_tasks_are_left_out_of_the_count(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    assert await store.read(lambda tx: tx.runs.task_counts([run.id, "nowhere"])) == {}


def change_of(run: Run) -> RunChange:
    return RunChange(run.id, run.created_at, run.updated_at)


async def test_canceling_runs_come_with_their_last_change_the_longest_unchanged_first(store: SqlStore) -> None:
    third, first, second = (a_run(state="CANCELING", updated_at=moment) for moment in (3, 1, 2))
    await keep(store, third, first, second, *(a_run(state=state, updated_at=0) for state in ("RUNNING", "CANCELED")))
    listed = await store.read_one(lambda tx: tx.runs.list_canceling(limit=10))
    assert list(listed) == [change_of(run) for run in (first, second, third)]
    assert list(await store.read_one(lambda tx: tx.runs.list_canceling(limit=2))) == list(listed[:2])


async def test_canceled_runs_that_have_changed_since_come_with_their_last_change_the_longest_unchanged_first(
    store: SqlStore,
) -> None:
    third, first, second, old = (a_run(state="CANCELED", updated_at=moment) for moment in (4, 2, 3, 1))
    await keep(store, third, first, second, old, a_run(state="CANCELING", updated_at=9))
    listed = await store.read_one(lambda tx: tx.runs.list_canceled(changed_since=2, limit=10))
    assert list(listed) == [change_of(run) for run in (first, second, third)]
    assert list(await store.read_one(lambda tx: tx.runs.list_canceled(changed_since=2, limit=1))) == [listed[0]]


async def in_state(store: SqlStore, after: Run | None = None, created_before: int = 10, limit: int = 10) -> list[str]:
    change = None if after is None else change_of(after)
    runs = await store.read_one(
        lambda tx: tx.runs.list_in_state("RUNNING", created_before=created_before, after=change, limit=limit)
    )
    return [run.id for run in runs]


async def test_runs_in_a_state_come_by_creation_time_then_id(store: SqlStore) -> None:
    second, third, first = (a_run(state="RUNNING", created_at=moment) for moment in (5, 5, 4))
    await keep(store, third, second, first, a_run(state="PENDING", created_at=4))
    assert await in_state(store) == [first.id, second.id, third.id]
    assert await in_state(store, created_before=5) == [first.id]
    assert await in_state(store, limit=2) == [first.id, second.id]


async def test_a_list_of_runs_in_a_state_goes_on_after_any_of_them(store: SqlStore) -> None:
    runs = [a_run(state="RUNNING", created_at=moment) for moment in (4, 5, 5, 6)]
    await keep(store, *runs)
    for number, run in enumerate(runs):
        assert await in_state(store, after=run) == [each.id for each in runs[number + 1 :]]


async def test_a_touched_run_has_changed_whatever_the_clock_says(store: SqlStore) -> None:
    run = a_run(updated_at=5)
    await keep(store, run)
    for now, expected in ((9, 9), (9, 10), (3, 11)):
        await store.write(lambda tx, now=now: tx.runs.touch(run.id, now=now))
        assert await get(store, run.id) == replace(run, updated_at=expected)


async def test_a_touched_run_that_does_not_exist_is_left_out(store: SqlStore) -> None:
    await store.write(lambda tx: tx.runs.touch("nowhere", now=9))


async def test_a_run_locked_for_update_is_not_written_by_others_until_the_transaction_ends(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    await assert_waits(store, holding=lambda tx: tx.runs.lock(run.id, Lock.UPDATE), waiting=archive(run))


async def test_a_run_locked_for_sharing_is_not_written_by_others_until_the_transaction_ends(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    await assert_waits(store, holding=lambda tx: tx.runs.lock(run.id, Lock.SHARE), waiting=archive(run))


def archive(run: Run) -> Callable[[WriteTx], Awaitable[None]]:
    return lambda tx: tx.runs.set_storage_state(run.id, "ARCHIVED", updated_at=MOMENT)


async def test_locking_an_unknown_run_raises_rownotfound(store: SqlStore) -> None:
    for lock in Lock:
        with pytest.raises(RowNotFound):
            await store.write(lambda tx, lock=lock: tx.runs.lock("nowhere", lock))


async def test_a_used_run_id_raises_alreadyexists(store: SqlStore) -> None:
    run = a_run(display_name="first")
    await keep(store, run)
    with pytest.raises(AlreadyExists, match="already exists"):
        await keep(store, replace(run, display_name="second"))
    assert await get(store, run.id) == run


async def test_a_specification_is_stored_once_however_many_runs_share_it(store: SqlStore) -> None:
    large = '{"comment":"' + "x" * 1_000_000 + '"}'
    runs = [a_run(pipeline_spec=large) for _ in range(3)]
    await keep(store, *runs)
    async with store.engines[1].connect() as connection:
        assert (await connection.exec_driver_sql("SELECT COUNT(*) FROM pipeline_specs")).scalar() == 1
    assert [(await get(store, run.id)).pipeline_spec == large for run in runs] == [True] * 3


async def test_state_history_and_finish_time_of_a_run_change_together(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    change: dict[str, Any] = {"state": "FAILED", "state_history": "[1]", "finished_at": 7, "updated_at": 8}
    await store.write(lambda tx: tx.runs.set_state(run.id, **change))
    assert await get(store, run.id) == replace(run, **change)


async def test_archiving_a_run_that_does_not_exist_raises_rownotfound(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    # Twice the same change is still a row that is there, also where a database counts changed rows only.
    for _ in range(2):
        await store.write(archive(run))
    assert (await get(store, run.id)).storage_state == "ARCHIVED"
    with pytest.raises(RowNotFound):
        await store.write(archive(a_run()))


async def archive_next(store: SqlStore, after: Cursor | None, limit: int) -> Cursor | None:
    return await store.write(lambda tx: tx.runs.archive_of_experiment("ours", after=after, limit=limit, updated_at=9))


async def are_archived(store: SqlStore, runs: Sequence[Run]) -> list[bool]:
    shown = [await get(store, run.id) for run in runs]
    for now, run in zip(shown, runs, strict=True):
        assert now in (run, replace(run, storage_state="ARCHIVED", updated_at=9))
    return [run.updated_at == 9 for run in shown]


async def test_the_next_runs_of_an_experiment_are_archived_the_oldest_first(store: SqlStore) -> None:
    moments = (3, 1, 2, 2, 4)
    ours = sorted(
        (a_run(experiment_id="ours", created_at=at) for at in moments), key=lambda run: (run.created_at, run.id)
    )
    other = a_run(experiment_id="other", created_at=2)
    await keep(store, *ours, other)
    after: Cursor | None = None
    for archived in (2, 4, 5):
        after = await archive_next(store, after, 2)
        assert await are_archived(store, [*ours, other]) == [position < archived for position in range(5)] + [False]
    assert after is None


async def test_a_run_that_is_archived_already_is_not_written_again(store: SqlStore) -> None:
    ours = [a_run(experiment_id="ours", storage_state=state) for state in ("ARCHIVED", "AVAILABLE", "ARCHIVED")]
    await keep(store, *ours)
    assert await archive_next(store, None, 3)
    assert await are_archived(store, ours) == [False, True, False]
    with statements(store) as log:
        await archive_next(store, None, 4)
    assert not [statement for statement in log if statement.text.startswith("UPDATE")]


async def test_the_last_runs_of_an_experiment_have_none_after_them(store: SqlStore) -> None:
    assert await archive_next(store, None, 1) is None
    await keep(store, a_run(experiment_id="ours"), a_run(experiment_id="other"))
    last = await archive_next(store, None, 1)
    assert last is not None
    assert await archive_next(store, last, 1) is None
    assert await archive_next(store, None, 2) is None


async def test_deleting_a_run_deletes_its_tasks_and_links_but_no_artifact(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    artifact = an_artifact()
    mine, theirs = a_task(run.id), a_task(other.id)
    await keep(store, run, other, artifact, mine, theirs, a_link(mine, artifact), a_link(theirs, artifact))
    await store.write(lambda tx: tx.runs.delete(run.id))
    assert await store.read(lambda tx: tx.tasks.heads([mine.id])) == {}
    assert await store.read(lambda tx: tx.artifact_tasks.of_tasks([mine.id])) == []
    links = await store.read(lambda tx: tx.artifact_tasks.of_tasks([theirs.id]))
    assert [each.artifact for each in links] == [artifact]


async def test_deleting_an_unknown_run_raises_rownotfound(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.runs.delete("nowhere"))
