"""What storage.contract promises of tasks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from storage.errors import Conflict, RowNotFound, TooManyRows
from storage.fields import TASK_LIST
from storage.model import (
    ChildTask,
    CommonEnd,
    RunningTask,
    Task,
    TaskAttempt,
    TaskEnd,
    TaskHead,
    TaskOutline,
    TaskProgress,
    TaskState,
)
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_kept_task, a_run, a_task, keep
from tests.contract.concurrency import assert_waits
from tests.contract.listings import all_pages, ids_of, listing
from tests.contract.watching import statements

RUNNING, SUCCEEDED, CACHED = TaskState.RUNNING.value, TaskState.SUCCEEDED.value, TaskState.CACHED.value

EVERY_FIELD = {
    "namespace": "team",
    "parent_task_id": "parent",
    "name": "train",
    "display_name": "Zug 🚆",
    "type": 5,
    "state": RUNNING,
    "started_at": MOMENT + 1,
    "finished_at": MOMENT + 2,
    "cache_fingerprint": "print",
    "scope_path": "root.train",
    "pods": '[{"name":"pod"}]',
    "status_metadata": '{"message":"m"}',
    "state_history": "[]",
    "type_attributes": '{"iterationCount":"3"}',
    "input_parameters": '[{"value":"\\u00e9é"}]',
    "output_parameters": "[]",
    "updated_at": MOMENT + 3,
}


async def get(store: SqlStore, task_id: str) -> Task:
    return await store.read(lambda tx: tx.tasks.get(task_id))


async def test_a_task_comes_back_as_it_was_kept(store: SqlStore) -> None:
    task = await a_kept_task(store, **EVERY_FIELD, logical_key="key")
    assert await get(store, task.id) == task


async def test_raises_rownotfound_when_no_task_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound, match="task 'nowhere' not found"):
        await get(store, "nowhere")


async def test_heads_of_unknown_tasks_are_left_out(store: SqlStore) -> None:
    task = await a_kept_task(store, name="train", namespace="team")
    heads = await store.read(lambda tx: tx.tasks.heads([task.id, "nowhere"]))
    assert heads == {task.id: TaskHead(task.id, task.run_id, "team", "train")}


async def list_ids(store: SqlStore, run_id: str, parent_task_id: str | None = None) -> list[str]:
    pages = await all_pages(
        store,
        lambda tx, page: tx.tasks.list(page, run_id=run_id, parent_task_id=parent_task_id),
        listing(TASK_LIST, page_size=2),
    )
    return ids_of(pages)


async def test_tasks_list_by_creation_time_then_id(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    second, third = a_task(run.id, created_at=5), a_task(run.id, created_at=5)
    await keep(store, run, other, third, a_task(run.id, id="z", created_at=4), second, a_task(other.id, created_at=4))
    assert await list_ids(store, run.id) == ["z", second.id, third.id]


async def test_a_parent_limits_the_list_to_its_direct_children(store: SqlStore) -> None:
    parent = await a_kept_task(store)
    child = a_task(parent.run_id, parent_task_id=parent.id)
    await keep(store, child, a_task(parent.run_id, parent_task_id=child.id))
    assert await list_ids(store, parent.run_id, parent.id) == [child.id]


async def test_all_tasks_of_runs_come_by_creation_time_then_id(store: SqlStore) -> None:
    one, two = a_run(), a_run()
    tasks = [a_task(run_id, created_at=moment) for moment in (4, 5) for run_id in (two.id, one.id)]
    await keep(store, one, two, *reversed(tasks))
    assert list(await store.read(lambda tx: tx.tasks.list_of_runs([one.id, two.id]))) == tasks


@pytest.mark.parametrize("count", [1, 2], ids=["of a run", "of runs"])
async def test_more_tasks_than_wanted_raise_toomanyrows(store: SqlStore, count: int) -> None:
    runs = [a_run() for _ in range(count)]
    run_ids = [run.id for run in runs]
    tasks = [a_task(run_ids[number % count], created_at=number) for number in range(3)]
    await keep(store, *runs, *tasks)
    assert list(await store.read(lambda tx: tx.tasks.list_of_runs(run_ids, rows_max=3))) == tasks
    with pytest.raises(TooManyRows):
        await store.read(lambda tx: tx.tasks.list_of_runs(run_ids, rows_max=2))


async def outlines(store: SqlStore, run_id: str, *, limit: int = 10, characters: int = 10) -> Sequence[TaskOutline]:
    return await store.read(lambda tx: tx.tasks.outlines(run_id, limit=limit, parameter_characters=characters))


async def test_outlines_of_the_first_tasks_of_a_run_come_by_creation_time_then_id(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    second, third = a_task(run.id, created_at=5, name="second"), a_task(run.id, created_at=5, type=5)
    first = a_task(run.id, created_at=4, type_attributes="{}", parent_task_id=second.id, display_name="d")
    await keep(store, run, other, third, second, first, a_task(other.id))
    assert [task.id for task in await outlines(store, run.id)] == [first.id, second.id, third.id]
    [outline] = await outlines(store, run.id, limit=1)
    assert outline == TaskOutline(first.id, second.id, "", "d", 0, "{}", None, None)


async def test_longer_parameters_are_left_out_of_outlines(store: SqlStore) -> None:
    task = await a_kept_task(store, input_parameters='["äöü"]', output_parameters='["äöüß"]')
    [outline] = await outlines(store, task.run_id, characters=7)
    assert (outline.input_parameters, outline.output_parameters) == ('["äöü"]', None)


async def test_children_come_by_creation_time_then_id(store: SqlStore) -> None:
    parent = await a_kept_task(store)
    children = [
        a_task(parent.run_id, parent_task_id=parent.id, name=f"{moment}", created_at=moment) for moment in (4, 5, 5)
    ]
    await keep(store, *reversed(children), a_task(parent.run_id, parent_task_id=children[0].id))
    rows = await store.read(lambda tx: tx.tasks.children(parent.run_id, [parent.id, "nowhere"]))
    assert list(rows) == [ChildTask(child.id, child.name, parent.id) for child in children]


async def find_cached(store: SqlStore, fingerprint: str, namespace: str | None = None) -> Task | None:
    return await store.read(lambda tx: tx.tasks.find_cached(fingerprint, namespace))


async def test_the_newest_task_that_succeeded_with_the_fingerprint_is_found(store: SqlStore) -> None:
    fields = {"cache_fingerprint": "print", "state": SUCCEEDED}
    newest = await a_kept_task(store, **fields, created_at=9)
    await keep(
        store, a_task(newest.run_id, **fields, created_at=8), a_task(newest.run_id, **fields | {"state": RUNNING})
    )
    assert await find_cached(store, "print") == newest
    assert await find_cached(store, "Print") is None


async def test_a_cached_task_never_matches(store: SqlStore) -> None:
    await a_kept_task(store, cache_fingerprint="print", state=CACHED)
    assert await find_cached(store, "print") is None


async def test_a_namespace_limits_where_a_cached_result_is_looked_for(store: SqlStore) -> None:
    task = await a_kept_task(store, cache_fingerprint="print", state=SUCCEEDED, namespace="here")
    assert await find_cached(store, "print", "here") == task
    assert await find_cached(store, "print", "there") is None


async def test_an_empty_fingerprint_finds_nothing(store: SqlStore) -> None:
    await a_kept_task(store, state=SUCCEEDED)
    assert await find_cached(store, "") is None


async def test_tasks_locked_for_update_are_not_written_by_others_until_the_transaction_ends(store: SqlStore) -> None:
    task = await a_kept_task(store)
    change = (task, replace(task, name="after"))
    await assert_waits(store, holding=lambda tx: tx.tasks.lock([task.id]), waiting=lambda tx: tx.tasks.update([change]))


async def test_unknown_tasks_are_not_locked(store: SqlStore) -> None:
    task = await a_kept_task(store)
    assert await store.write(lambda tx: tx.tasks.lock(["nowhere", task.id])) == {task.id: task}


async def test_all_tasks_of_a_run_can_be_locked_at_once(store: SqlStore) -> None:
    first = await a_kept_task(store)
    second, elsewhere = a_task(first.run_id), await a_kept_task(store)
    await keep(store, second)
    change, free = (second, replace(second, name="after")), (elsewhere, replace(elsewhere, name="after"))
    await assert_waits(
        store, holding=lambda tx: tx.tasks.lock_of_run(first.run_id), waiting=lambda tx: tx.tasks.update([change])
    )
    await store.write(lambda tx: tx.tasks.update([free]))


async def test_all_tasks_of_a_run_can_be_locked_to_see_their_progress(store: SqlStore) -> None:
    first = await a_kept_task(store, state=SUCCEEDED, state_history="[]")
    second, _ = a_task(first.run_id), await a_kept_task(store)
    await keep(store, second)
    progress = await store.write(lambda tx: tx.tasks.lock_progress(first.run_id))
    assert list(progress) == [TaskProgress(first.id, SUCCEEDED, "[]"), TaskProgress(second.id, 0, None)]
    change = (second, replace(second, name="after"))
    await assert_waits(
        store, holding=lambda tx: tx.tasks.lock_progress(first.run_id), waiting=lambda tx: tx.tasks.update([change])
    )


async def test_the_running_tasks_of_a_run_come_by_id(store: SqlStore) -> None:
    second, first = a_task("run", id="b", state=RUNNING), a_task("run", id="a", state=RUNNING, status_metadata="{}")
    first = replace(first, state_history="[]")
    await keep(store, a_run(id="run"), second, first, a_task("run", state=SUCCEEDED))
    await a_kept_task(store, state=RUNNING)
    running = await store.read_one(lambda tx: tx.tasks.running("run"))
    assert list(running) == [RunningTask("a", "[]", "{}"), RunningTask("b", None, None)]


async def test_a_task_that_is_ended_keeps_what_its_end_does_not_set(store: SqlStore) -> None:
    tasks = [await a_kept_task(store, state=RUNNING, name="n", pods="[1]", output_parameters="[2]") for _ in range(3)]
    ends = [TaskEnd(task.id, MOMENT + 1, 4, MOMENT + 2, "[3]", "{}") for task in tasks[:2]]
    await store.write(lambda tx: tx.tasks.end(ends))
    await store.write(lambda tx: tx.tasks.end([]))
    changes: Any = {"updated_at": MOMENT + 1, "state": 4, "finished_at": MOMENT + 2}
    expected = [replace(task, **changes, state_history="[3]", status_metadata="{}") for task in tasks[:2]]
    assert [await store.read(lambda tx, id=each.id: tx.tasks.get(id)) for each in tasks] == [*expected, tasks[2]]


COMMON_END = CommonEnd(4, MOMENT + 5, '{"state":"FAILED"}', '{"message":"w\\u0000 ü"}')


async def test_all_running_tasks_of_a_run_end_at_once(store: SqlStore) -> None:
    run, other = a_run(), await a_kept_task(store, state=RUNNING)
    early, late = (a_task(run.id, state=RUNNING, updated_at=moment, name="n") for moment in (MOMENT, MOMENT + 9))
    done = a_task(run.id, state=SUCCEEDED)
    await keep(store, run, early, late, done)
    with statements(store) as log:
        await store.write(lambda tx: tx.tasks.end_running(run.id, COMMON_END))
    assert len(log) == 1
    changes: Any = {"state": 4, "finished_at": MOMENT + 5, "status_metadata": COMMON_END.status_metadata}
    expected = [
        replace(task, **changes, updated_at=updated_at, state_history='[{"state":"FAILED"}]')
        for task, updated_at in ((early, MOMENT + 5), (late, MOMENT + 10))
    ]
    tasks = [await store.read(lambda tx, id=each.id: tx.tasks.get(id)) for each in (early, late, done, other)]
    assert tasks == [*expected, done, other]


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (None, '[{"state":"FAILED"}]'),
        ("[]", '[{"state":"FAILED"}]'),
        ('[{"a":"🚀]"}]', '[{"a":"🚀]"},{"state":"FAILED"}]'),
    ],
)
async def test_each_task_that_ends_so_gets_an_entry_at_the_end_of_its_history(
    store: SqlStore, history: str | None, expected: str
) -> None:
    task = await a_kept_task(store, state=RUNNING, state_history=history)
    await store.write(lambda tx: tx.tasks.end_running(task.run_id, COMMON_END))
    assert (await store.read(lambda tx: tx.tasks.get(task.id))).state_history == expected


async def test_a_task_that_is_started_again_keeps_what_its_new_attempt_does_not_set(store: SqlStore) -> None:
    texts: dict[str, str] = dict.fromkeys(
        ("pods", "status_metadata", "type_attributes", "input_parameters", "output_parameters"), "[]"
    )
    first = await a_kept_task(store, state=SUCCEEDED, name="n", started_at=1, finished_at=2, **texts)
    second, other = (a_task(first.run_id, state=SUCCEEDED, **texts) for _ in range(2))
    await keep(store, second, other)
    attempts = [TaskAttempt(task.id, MOMENT + 1, 1, '[{"state":"RUNNING"}]', MOMENT + 2) for task in (first, second)]
    await store.write(lambda tx: tx.tasks.start_again(attempts))
    await store.write(lambda tx: tx.tasks.start_again([]))
    expected = replace(
        first,
        updated_at=MOMENT + 1,
        state=1,
        state_history='[{"state":"RUNNING"}]',
        started_at=MOMENT + 2,
        finished_at=None,
        pods=None,
        status_metadata=None,
        output_parameters=None,
    )
    assert await store.read(lambda tx: tx.tasks.get(first.id)) == expected
    assert (await store.read(lambda tx: tx.tasks.get(second.id))).output_parameters is None
    assert await store.read(lambda tx: tx.tasks.get(other.id)) == other


async def test_creating_a_task_whose_logical_key_is_taken_returns_the_existing_task_unchanged(store: SqlStore) -> None:
    task = await a_kept_task(store, logical_key="key", name="first")
    again = a_task(task.run_id, logical_key="key", name="second")
    assert await store.write(lambda tx: tx.tasks.create(again)) == task
    assert await list_ids(store, task.run_id) == [task.id]


async def test_tasks_without_a_logical_key_are_all_kept(store: SqlStore) -> None:
    task = await a_kept_task(store)
    other = a_task(task.run_id)
    assert await store.write(lambda tx: tx.tasks.create(other)) == other
    assert await list_ids(store, task.run_id) == [task.id, other.id]


async def test_a_task_of_an_unknown_run_raises_conflict(store: SqlStore) -> None:
    with pytest.raises(Conflict, match="a row that the request refers to does not exist"):
        await keep(store, a_task("nowhere"))


async def test_an_update_writes_every_field_but_id_run_creation_time_and_logical_key(store: SqlStore) -> None:
    task = await a_kept_task(store, logical_key="key")
    other = a_task(task.run_id)
    await keep(store, other)
    update = a_task("another run", id=task.id, created_at=1, logical_key="another", **EVERY_FIELD)
    await store.write(lambda tx: tx.tasks.update([(task, update), (other, replace(other, name="both"))]))
    assert await get(store, task.id) == replace(task, **EVERY_FIELD)
    assert await get(store, other.id) == replace(other, name="both")


async def test_a_field_that_did_not_change_is_not_written(store: SqlStore) -> None:
    task, other = await a_kept_task(store), await a_kept_task(store)
    await store.write(lambda tx: tx.tasks.update([(task, replace(task, state=SUCCEEDED)), (other, other)]))
    stale = replace(task, name="stale")
    await store.write(lambda tx: tx.tasks.update([(stale, replace(stale, display_name="after"))]))
    assert await get(store, task.id) == replace(task, state=SUCCEEDED, display_name="after")
    assert await get(store, other.id) == other


async def test_ancestors_are_returned_with_their_runs_and_parents_the_given_tasks_included(store: SqlStore) -> None:
    root = await a_kept_task(store)
    middle = a_task(root.run_id, parent_task_id=root.id)
    leaf = a_task(root.run_id, parent_task_id=middle.id)
    await keep(store, middle, leaf, a_task(root.run_id, parent_task_id=root.id))
    ancestors = await store.read(lambda tx: tx.tasks.ancestors([leaf.id, "nowhere"]))
    parents = {leaf.id: middle.id, middle.id: root.id, root.id: None}
    assert ancestors == {task_id: (root.run_id, parent) for task_id, parent in parents.items()}


async def test_a_cycle_of_parents_comes_to_an_end(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run, a_task(run.id, id="a", parent_task_id="b"), a_task(run.id, id="b", parent_task_id="a"))
    assert await store.read(lambda tx: tx.tasks.ancestors(["a"])) == {"a": (run.id, "b"), "b": (run.id, "a")}


async def test_ancestors_of_a_deep_task_are_all_found(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run, *(a_task(run.id, id=f"{depth}", parent_task_id=f"{depth - 1}") for depth in range(1, 300)))
    assert len(await store.read(lambda tx: tx.tasks.ancestors(["299"]))) == 299


async def test_a_running_leaf_is_a_running_task_without_children(store: SqlStore) -> None:
    group = await a_kept_task(store, state=RUNNING)
    leaf = a_task(group.run_id, parent_task_id=group.id, state=RUNNING)
    assert await store.read(lambda tx: tx.tasks.has_running_leaf(group.run_id))
    await keep(store, leaf)
    assert await store.read(lambda tx: tx.tasks.has_running_leaf(group.run_id))
    await store.write(lambda tx: tx.tasks.update([(leaf, replace(leaf, state=SUCCEEDED))]))
    assert not await store.read(lambda tx: tx.tasks.has_running_leaf(group.run_id))
