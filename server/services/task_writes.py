"""Writing tasks: what UpdateTask and UpdateTasksBulk share, and the checks every task of a request goes through."""

from collections.abc import Mapping, Sequence

from lineal.v2beta1 import run_pb2

from server import codec
from server.calls.call import Call
from server.errors import InvalidArgument
from server.services import checks, run_state
from server.services.field_limits import MAX_CHARACTERS
from storage.contract import Lock, WriteTx
from storage.model import ChildTask, LinkedArtifact, Task

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


async def apply(call: Call, run_id: str, updates: Updates) -> dict[str, run_pb2.PipelineTask]:
    """Update tasks of one run, all or none; return them as they stand, with artifacts and children."""
    task_ids = sorted(updates)
    now = call.now()

    async def write(tx: WriteTx, lock: Lock) -> dict[str, run_pb2.PipelineTask]:
        existing = await tx.tasks.lock(task_ids)
        _check_found(task_ids, run_id, existing)
        changed = [codec.merge_task(existing[task_id], updates[task_id], now) for task_id in task_ids]
        moved = {
            task.id: task.parent_task_id
            for task in changed
            if task.parent_task_id is not None and task.parent_task_id != existing[task.id].parent_task_id
        }
        root_state = _root_state(existing, changed)
        # A moved parent must not meet another move that would close a cycle, a changed ROOT writes the run itself.
        run = await run_state.lock_run(tx, run_id, Lock.UPDATE if moved or root_state else lock)
        if moved:
            await _check_parents(tx, run_id, moved, changed)
        await tx.tasks.update(changed)
        await run_state.follow(tx, run, root_state=root_state, now=now)
        links = await tx.artifact_tasks.of_tasks(task_ids)
        children = await tx.tasks.children(run_id, task_ids)
        return {task.task_id: task for task in messages(changed, links, children)}

    return await run_state.write_tasks(call, write)


def messages(
    tasks: Sequence[Task], links: Sequence[LinkedArtifact], children: Sequence[ChildTask], *, basic: bool = False
) -> list[run_pb2.PipelineTask]:
    """Return tasks as clients see them, each with its own links and children out of those of all."""
    linked: dict[str, list[LinkedArtifact]] = {}
    for each in links:
        linked.setdefault(each.link.task_id, []).append(each)
    below: dict[str, list[ChildTask]] = {}
    for child in children:
        below.setdefault(child.parent_task_id, []).append(child)
    return [
        codec.task_message(task, artifacts=linked.get(task.id, ()), children=below.get(task.id, ()), basic=basic)
        for task in tasks
    ]


def _check_found(task_ids: Sequence[str], run_id: str, existing: Mapping[str, Task]) -> None:
    for task_id in task_ids:
        if task_id not in existing:
            raise checks.not_found("task", task_id)
        if existing[task_id].run_id != run_id:
            raise InvalidArgument(f"task {task_id!r} is not of run {run_id!r}")


def _root_state(existing: Mapping[str, Task], changed: Sequence[Task]) -> int | None:
    """Return the state a ROOT task changed to, None when none did."""
    for task in changed:
        before = existing[task.id]
        if task.type == run_state.ROOT and (task.state, task.type) != (before.state, before.type):
            return task.state
    return None


async def _check_parents(tx: WriteTx, run_id: str, moved: Mapping[str, str | None], changed: Sequence[Task]) -> None:
    """Parents must exist, be of the run, and close no cycle; judged on how the tasks will stand after the call."""
    wanted = sorted({parent for parent in moved.values() if parent is not None})
    above = await tx.tasks.ancestors(wanted)
    for parent in wanted:
        if parent not in above:
            raise checks.not_found("parent task", parent)
        if above[parent][0] != run_id:
            raise InvalidArgument(f"parent task {parent!r} is not of run {run_id!r}")
    parents = {task_id: parent for task_id, (_, parent) in above.items()}
    parents.update({task.id: task.parent_task_id for task in changed})
    for task_id in moved:
        seen: set[str] = set()
        step: str | None = task_id
        while step is not None:
            if step in seen:
                raise InvalidArgument(f"the parent of task {task_id!r} would close a cycle")
            seen.add(step)
            step = parents.get(step)
