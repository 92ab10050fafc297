"""How the state of a run follows its tasks: the ROOT task sets it, and a run in state CANCELING ends when no task runs.

Task writes, reports, retries and the sweep call this. Writers take the run's lock in share mode, so that they do not wait
for each other, and alone where they may change the run or must see every other writer's tasks.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from server.rules.runs import FINISHED, after_root, append_state
from storage.contract import Lock, Store, WriteTx
from storage.model import RunHead, RunState, TaskType

Answer = TypeVar("Answer")

ROOT = TaskType.ROOT.value


class RunMustBeHeldAlone(Exception):
    """The run turned out to be canceling: the write must start again, holding the run alone."""


async def write_tasks(store: Store, fn: Callable[[WriteTx, Lock], Awaitable[Answer]]) -> Answer:
    """Run a write to tasks; again with the run held alone when it turns out to be canceling."""
    try:
        return await store.write(lambda tx: fn(tx, Lock.SHARE))
    except RunMustBeHeldAlone:
        return await store.write(lambda tx: fn(tx, Lock.UPDATE))


async def lock_run(tx: WriteTx, run_id: str, lock: Lock) -> RunHead:
    """Hold the run of a task write; raises RowNotFound, and RunMustBeHeldAlone for a canceling run held in share mode."""
    run = await tx.runs.lock(run_id, lock)
    # Two writers that end the last two tasks of a canceling run must see each other, or neither would end the run.
    if run.state == RunState.CANCELING.name and lock is not Lock.UPDATE:
        raise RunMustBeHeldAlone
    return run


async def follow(tx: WriteTx, run: RunHead, *, root_state: int | None, now: int) -> None:
    """Let the run follow a task write; `root_state` is the state the ROOT task changed to, None when it did not."""
    new_state = after_root(run.state, root_state) if root_state else None
    if new_state is None and run.state == RunState.CANCELING.name and not await tx.tasks.has_running_leaf(run.id):
        new_state = RunState.CANCELED.name
    if new_state is not None and new_state != run.state:
        await set_state(tx, run, new_state, now=now)


async def set_state(tx: WriteTx, run: RunHead, state: str, *, now: int, finished_at: int | None = None) -> None:
    """Change a run's state, with an entry in its history and its finish time set or cleared.

    Unless the finish time is given it is now, or what it was when the run is in that state already.
    """
    ended_at = finished_at or (run.finished_at if run.state == state else None) or now
    await tx.runs.set_state(
        run.id,
        state=state,
        state_history=append_state(run.state_history, state, now),
        finished_at=ended_at if state in FINISHED else None,
        updated_at=now,
    )


async def close_stale(store: Store, now: Callable[[], int], *, grace_seconds: float, limit: int = 100) -> int:
    """Cancel canceling runs that nothing has written to within the grace period; return how many.

    `now` returns the present time in microseconds.
    """
    grace = int(grace_seconds * 1_000_000)
    run_ids = await store.read(lambda tx: tx.runs.list_stale_canceling(written_before=now() - grace, limit=limit))
    count = 0
    for run_id in run_ids:

        async def close(tx: WriteTx, run_id: str = run_id) -> bool:
            # The run is locked alone, so what is read again here cannot change before it is written.
            run = await tx.runs.lock(run_id, Lock.UPDATE)
            if run.state != RunState.CANCELING.name:
                return False
            await set_state(tx, run, RunState.CANCELED.name, now=now())
            return True

        count += await store.write(close)
    return count
