"""How the state of a run follows its tasks: the ROOT task sets it, and a run in state CANCELING ends when no task runs.

Task writes, reports, retries and the sweep call this. Writers take the run's lock in share mode, so that they do not wait
for each other, and alone where they may change the run or must see every other writer's tasks. Who cancels a run ends its
running tasks too, and has locked all its tasks before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TypeVar

from server.process.telemetry import log
from server.rules import task_ends
from server.rules.limited_writes import write_within
from server.rules.runs import FINISHED, after_root, append_state
from storage.contract import Lock, Store, WriteTx
from storage.documents import histories
from storage.documents.plain import Plain
from storage.errors import StorageError
from storage.model import RunHead, RunState, TaskState, TaskType

Answer = TypeVar("Answer")

ROOT = TaskType.ROOT.value
TOUCH_SECONDS = 0.5
"""How long a write to a canceled run waits until it may say that the run has changed."""


_touches: set["asyncio.Task[None]"] = set()  # what an event loop runs needs a reference


class Hold(Enum):
    """What of a run a write holds."""

    SHARED = auto()
    ALONE = auto()
    WITH_TASKS = auto()


class HoldsTooLittle(Exception):
    """The run turned out to be canceling, or to end: the write must start again, holding more of the run."""

    def __init__(self, needed: Hold) -> None:
        super().__init__(f"the run must be held {needed.name}")
        self.needed = needed


class RunWrite:
    """One attempt at a write to a run or its tasks. `now` is the clock: it is read once what is written has been locked."""

    def __init__(self, tx: WriteTx, run_id: str, hold: Hold, now: Callable[[], int]) -> None:
        self.tx, self.now = tx, now
        self.leaves_work = False
        """Whether a task of a canceled run is running after this write: the sweep has to look at it."""
        self._run_id, self._hold = run_id, hold

    async def lock_run(self, *, alone: bool = False) -> RunHead:
        """Lock the run; raises RowNotFound, and HoldsTooLittle for a canceling run that is to be shared."""
        is_shared = self._hold is Hold.SHARED and not alone
        run = await self.tx.runs.lock(self._run_id, Lock.SHARE if is_shared else Lock.UPDATE)
        # Two writers that end the last two tasks of a canceling run must see each other, or neither would end the run.
        if is_shared and run.state == RunState.CANCELING.name:
            raise HoldsTooLittle(Hold.ALONE)
        return run

    async def follow(self, run: RunHead, *, root_state: int | None, states: set[int]) -> bool:
        """Let the run follow a task write; return whether that ended tasks.

        `root_state` is the state the ROOT task changed to, None when it did not; `states` are those of all tasks that were
        written. Raises HoldsTooLittle when the run is to be canceled and its tasks are not held.
        """
        new_state = after_root(run.state, root_state) if root_state else None
        if new_state is None and run.state == RunState.CANCELING.name:
            if await self.tx.tasks.has_running_leaf(run.id):
                await self.tx.runs.touch(run.id, now=self.now())
                return False
            new_state = RunState.CANCELED.name
        if new_state is None or new_state == run.state:
            self.leaves_work = run.state == RunState.CANCELED.name and TaskState.RUNNING.value in states
            return False
        return await self.set_state(run, new_state)

    async def set_state(self, run: RunHead, state: str, *, finished_at: int | None = None) -> bool:
        """Change the state of a locked run, as the function does; a run that is canceled takes its running tasks along.

        Returns whether there were such tasks. Raises HoldsTooLittle when the run is to be canceled and its tasks are not held.
        """
        has_ended_tasks = False
        now = self.now()
        if state == RunState.CANCELED.name:
            if self._hold is not Hold.WITH_TASKS:
                raise HoldsTooLittle(Hold.WITH_TASKS)
            has_ended_tasks = await task_ends.end_running(self.tx, run.id, why=task_ends.CANCELED, now=now)
        await set_state(self.tx, run, state, now=now, finished_at=finished_at)
        return has_ended_tasks


async def write_run(
    store: Store,
    run_id: str,
    fn: Callable[[RunWrite], Awaitable[Answer]],
    *,
    now: Callable[[], int],
    hold: Hold = Hold.SHARED,
) -> Answer:
    """Run a write to a run or its tasks; again, holding more of the run, when it turns out to be canceling or to end."""
    last: RunWrite | None = None

    async def attempt(tx: WriteTx) -> Answer:
        nonlocal last
        if hold is Hold.WITH_TASKS:
            # Before any other lock, since tasks are locked before their run.
            await tx.tasks.lock_of_run(run_id)
        last = RunWrite(tx, run_id, hold, now)
        return await fn(last)

    while True:
        try:
            answer = await store.write(attempt)
        except HoldsTooLittle as error:
            hold = error.needed
            continue
        except BaseException:
            # The write may have happened, and its caller have left meanwhile: pods of a canceled run are killed.
            if last is not None and last.leaves_work:
                _begin_touch(store, run_id, now)
            raise
        if last is not None and last.leaves_work:
            await asyncio.wait([_begin_touch(store, run_id, now)])
        return answer


def _begin_touch(store: Store, run_id: str, now: Callable[[], int]) -> "asyncio.Task[None]":
    touch = asyncio.ensure_future(_touch(store, run_id, now))
    _touches.add(touch)
    touch.add_done_callback(_touches.discard)
    return touch


async def _touch(store: Store, run_id: str, now: Callable[[], int]) -> None:
    """Let the sweep know that a task of a canceled run is running, though the caller leaves.

    After the COMMIT: writers that share the run would each wait for the others to write it.
    """
    try:
        await write_within(store, TOUCH_SECONDS, lambda tx: tx.runs.touch(run_id, now=now()))
    except StorageError as error:
        log.warning("canceled run not touched", run=run_id, error=str(error))


async def set_state(
    tx: WriteTx,
    run: RunHead,
    state: str,
    *,
    now: int,
    finished_at: int | None = None,
    error: dict[str, Plain] | None = None,
) -> None:
    """Change a run's state, with an entry in its history and its finish time set or cleared.

    Unless the finish time is given it is now, or what it was when the run is in that state already. Now is never before the last
    entry. `error` says why, as a google.rpc.Status in protobuf's JSON form.
    """
    moment = histories.not_before(run.state_history, now)
    ended_at = finished_at or (run.finished_at if run.state == state else None) or moment
    await tx.runs.set_state(
        run.id,
        state=state,
        state_history=append_state(run.state_history, state, moment, error=error),
        finished_at=ended_at if state in FINISHED else None,
        updated_at=max(now, run.updated_at + 1),
    )


async def terminate(tx: WriteTx, run: RunHead, *, now: int) -> None:
    """Let a run be CANCELING.

    Without a history entry, as in KFP's API server: the history shows what the run reached, not what was asked of it.
    """
    await tx.runs.set_state(
        run.id,
        state=RunState.CANCELING.name,
        state_history=run.state_history,
        finished_at=run.finished_at,
        updated_at=max(now, run.updated_at + 1),
    )
