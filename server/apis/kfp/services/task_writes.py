"""Writing tasks: what UpdateTask and UpdateTasksBulk share, and the checks every task of a request goes through."""

from collections.abc import Mapping, Sequence

from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.linked_tasks import LinkedTasks
from server.calls.call import Call
from server.errors import InvalidArgument
from server.rules import checks, run_state
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.tasks import merge_task
from storage.contract import Lock, WriteTx
from storage.model import Task

Updates = Mapping[str, run_pb2.PipelineTask]


def check_task(task: run_pb2.PipelineTask) -> None:
    """Raise InvalidArgument when a text of a task is longer than what is kept."""
    checks.max_characters("task.name", task.name, MAX_CHARACTERS["PipelineTask.name"])
    checks.max_characters("task.display_name", task.display_name, MAX_CHARACTERS["PipelineTask.display_name"])
    checks.max_characters(
        "task.cache_fingerprint", task.cache_fingerprint, MAX_CHARACTERS["PipelineTask.cache_fingerprint"]
    )
    checks.max_bytes("task.scope_path", task.scope_path, checks.SCOPE_PATH_BYTES)
    for group, side in (("inputs", task.inputs), ("outputs", task.outputs)):
        for parameter in side.parameters:
            checks.max_characters(
                f"task.{group}.parameters.parameter_key",
                parameter.parameter_key,
                MAX_CHARACTERS["PipelineTask.InputOutputs.IOParameter.parameter_key"],
            )


def check_ownership(task: run_pb2.PipelineTask, *, task_id: str, run_id: str) -> None:
    """Raise InvalidArgument when the ids inside a task differ from those it is sent with."""
    checks.require(task.task_id in ("", task_id), "task.task_id differs from task_id")
    checks.require(task.run_id in ("", run_id), "task.run_id differs from run_id")


async def apply(call: Call, run_id: str, updates: Updates) -> LinkedTasks:
    """Update tasks of one run, all or none; return them as they stand, with artifacts and children."""
    task_ids = sorted(updates)
    now = call.now()
    task_updates = {task_id: codec.task_update(updates[task_id]) for task_id in task_ids}

    async def write(tx: WriteTx, lock: Lock) -> LinkedTasks:
        tasks_before = await tx.tasks.lock(task_ids)
        _check_tasks(task_ids, run_id, tasks_before)
        tasks_after = [merge_task(tasks_before[task_id], task_updates[task_id], now) for task_id in task_ids]
        new_parents = {
            task.id: task.parent_task_id
            for task in tasks_after
            if task.parent_task_id is not None and task.parent_task_id != tasks_before[task.id].parent_task_id
        }
        root_state = _root_state(tasks_before, tasks_after)
        # A moved parent must not meet another move that would close a cycle, a changed ROOT writes the run itself.
        run = await run_state.lock_run(tx, run_id, Lock.UPDATE if new_parents or root_state else lock)
        if new_parents:
            await _check_parents(tx, run_id, new_parents, tasks_after)
        await tx.tasks.update([(tasks_before[task.id], task) for task in tasks_after])
        await run_state.follow(tx, run, root_state=root_state, now=now)
        links = await tx.artifact_tasks.of_tasks(task_ids)
        children = await tx.tasks.children(run_id, task_ids)
        return LinkedTasks(tasks_after, links, children)

    return await run_state.write_tasks(call.store, write)


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
