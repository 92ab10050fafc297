"""CreateTask and UpdateTask in the store: which parent a task may have, and how the state of its run follows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from server.errors import InvalidArgument
from server.rules import checks, run_state
from server.rules.linked_tasks import LinkedTasks
from server.rules.run_state import RunWrite, write_run
from storage.contract import ReadTx, Store, WriteTx
from storage.errors import RowNotFound
from storage.ids import can_be_id
from storage.model import Task, TaskHead
from storage.slices import in_slices


class LargeTask(Exception):
    """An update of a task takes too long for a transaction: it is to be merged before."""


class LargeTasks(Exception):
    """Such updates were found; `tasks` are the tasks as they stood. Nothing has been written."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__("tasks that are merged before the transaction")
        self.tasks = tasks


async def keep_task(store: Store, task: Task, *, now: Callable[[], int]) -> Task:
    """Store a new task in the namespace of its run, or return the one that was created with the same logical key.

    Raises NotFound for an unknown parent and InvalidArgument for one of another run; RowNotFound for an unknown run.
    """
    root_state = task.state if task.type == run_state.ROOT else None
    if not root_state and store.writes_at_once and await store.write_at_once(lambda tx: tx.tasks.create_at_once(task)):
        return task

    async def attempt(write: RunWrite) -> Task:
        tx = write.tx
        if task.parent_task_id is not None:
            check_parent(task.parent_task_id, task.run_id, await tx.tasks.heads([task.parent_task_id]))
        run = await write.lock_run(alone=bool(root_state))
        new = task if task.namespace == run.namespace else replace(task, namespace=run.namespace)
        row = await tx.tasks.create(new)
        if row is new:
            await write.follow(run, root_state=root_state, states={new.state})
        return row

    return await write_run(store, task.run_id, attempt, now=now)


async def update_tasks(
    store: Store,
    run_id: str,
    task_ids: Sequence[str],
    merge: Callable[[Task, int], Task],
    *,
    is_linked: bool,
    now: Callable[[], int],
) -> LinkedTasks:
    """Update tasks of one run, all or none; return them as they stand, `is_linked` with artifacts and children.

    `merge` returns a task after its update, given the time; it may raise a LargeTask, see there, and is called again when the
    transaction is run again. `now` is the clock. Raises NotFound for unknown tasks and parents, InvalidArgument for those of
    other runs and parents that close a cycle.
    """
    task_ids = sorted(task_ids)
    if len(task_ids) == 1 and store.writes_at_once:
        updated = await _update_at_once(store, run_id, task_ids[0], merge, is_linked=is_linked, now=now)
        if updated is not None:
            return updated

    async def attempt(write: RunWrite) -> LinkedTasks:
        tx = write.tx
        tasks_before = await tx.tasks.lock(task_ids)
        _check_tasks(task_ids, run_id, tasks_before)
        tasks_after = await _merged([tasks_before[task_id] for task_id in task_ids], merge, now())
        new_parents = {
            task.id: task.parent_task_id
            for task in tasks_after
            if task.parent_task_id is not None and task.parent_task_id != tasks_before[task.id].parent_task_id
        }
        root_state = _root_state(tasks_before, tasks_after)
        # A moved parent must not meet another move that would close a cycle, a changed ROOT writes the run itself.
        run = await write.lock_run(alone=bool(new_parents or root_state))
        if new_parents:
            await _check_parents(tx, run_id, new_parents, tasks_after)
        await tx.tasks.update([(tasks_before[task.id], task) for task in tasks_after])
        if await write.follow(run, root_state=root_state, states={task.state for task in tasks_after}):
            tasks_now = await tx.tasks.lock(task_ids)
            tasks_after = [tasks_now[task_id] for task_id in task_ids]
        if not is_linked:
            return LinkedTasks(tasks_after)
        if len(task_ids) == 1:
            _, links, children = await tx.tasks.linked(task_ids[0], run_id)
            return LinkedTasks(tasks_after, links, children)
        links = await tx.artifact_tasks.of_tasks(task_ids)
        return LinkedTasks(tasks_after, links, await tx.tasks.children(run_id, task_ids))

    return await write_run(store, run_id, attempt, now=now)


async def _update_at_once(
    store: Store,
    run_id: str,
    task_id: str,
    merge: Callable[[Task, int], Task],
    *,
    is_linked: bool,
    now: Callable[[], int],
) -> LinkedTasks | None:
    """Update a task that stays where it is and as it was read; return it as it stands, or None if nothing has happened."""

    async def read(tx: ReadTx) -> LinkedTasks:
        if not is_linked:
            return LinkedTasks([await tx.tasks.get(task_id)])
        task, links, children = await tx.tasks.linked(task_id, run_id)
        return LinkedTasks([task], links, children)

    if not can_be_id(task_id):
        return None
    try:
        linked = await store.read_by_key(read, is_one=True)
        [before] = linked.tasks
        after = merge(before, now())
    except (RowNotFound, LargeTask):
        return None
    if (
        before.run_id != run_id
        or _root_state({task_id: before}, [after])
        or before.parent_task_id != after.parent_task_id
    ):
        return None
    is_done = await store.write_at_once(lambda tx: tx.tasks.update_at_once(before, after))
    return replace(linked, tasks=[after]) if is_done else None


async def _merged(tasks: Sequence[Task], merge: Callable[[Task, int], Task], now: int) -> Sequence[Task]:
    """Return the tasks after their updates; raises LargeTasks with all those whose merge raised LargeTask."""
    tasks_after: list[Task] = []
    large_tasks: list[Task] = []

    def add(task: Task) -> None:
        try:
            tasks_after.append(merge(task, now))
        except LargeTask:
            large_tasks.append(task)

    await in_slices(tasks, add)
    if large_tasks:
        raise LargeTasks(large_tasks)
    return tasks_after


def check_parent(parent_id: str, run_id: str, heads: Mapping[str, TaskHead]) -> None:
    """Raise NotFound for a parent that is not among the heads, InvalidArgument for one of another run."""
    parent = heads.get(parent_id)
    if parent is None:
        raise checks.not_found("parent task", parent_id)
    if parent.run_id != run_id:
        raise InvalidArgument(f"parent task {parent_id!r} is not of run {run_id!r}")


def _check_tasks(task_ids: Sequence[str], run_id: str, tasks: Mapping[str, Task]) -> None:
    for task_id in task_ids:
        if task_id not in tasks:
            raise checks.not_found("task", task_id)
        if tasks[task_id].run_id != run_id:
            raise InvalidArgument(f"task {task_id!r} is not of run {run_id!r}")


def _root_state(tasks_before: Mapping[str, Task], tasks_after: Sequence[Task]) -> int | None:
    """Return the state a ROOT task changed to, None when none did."""
    for task in tasks_after:
        before = tasks_before[task.id]
        if task.type == run_state.ROOT and (task.state, task.type) != (before.state, before.type):
            return task.state
    return None


async def _check_parents(
    tx: WriteTx, run_id: str, new_parents: Mapping[str, str | None], tasks_after: Sequence[Task]
) -> None:
    """Parents must exist, be of the run, and close no cycle; judged on how the tasks will stand after the call."""
    parent_ids = sorted({parent for parent in new_parents.values() if parent is not None})
    ancestors = await tx.tasks.ancestors(parent_ids)
    for parent in parent_ids:
        if parent not in ancestors:
            raise checks.not_found("parent task", parent)
        if ancestors[parent][0] != run_id:
            raise InvalidArgument(f"parent task {parent!r} is not of run {run_id!r}")
    parents = {task_id: parent for task_id, (_, parent) in ancestors.items()}
    parents.update({task.id: task.parent_task_id for task in tasks_after})
    for task_id in new_parents:
        path: set[str] = set()
        step: str | None = task_id
        while step is not None:
            if step in path:
                raise InvalidArgument(f"the parent of task {task_id!r} would close a cycle")
            path.add(step)
            step = parents.get(step)
