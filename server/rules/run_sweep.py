"""Runs that nobody closes: terminated ones whose pods died, tasks that go on in canceled ones, and abandoned runs.

The composition root calls `close` every few seconds, in each process of each server. Whoever closes a run first does it; the others
find it changed. How long a run has been quiet is what this process has watched by its monotonic clock: the times in rows are
those of the servers that wrote them, whose clocks may differ or step.
"""

import time
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from server.process.telemetry import log
from server.rules import run_state, task_ends
from server.rules.limited_writes import write_within
from storage.contract import Lock, ReadTx, Store, WriteTx
from storage.documents.plain import Plain
from storage.errors import RowNotFound, StorageError
from storage.ids import moment_of_id
from storage.model import RunActivity, RunChange, RunHead, RunState

CANCELING_AT_ONCE = 1_000
"""How many canceling runs a sweep looks at, the longest unchanged first."""

CANCELED_AT_ONCE = 10_000
"""How many canceled runs that have changed recently a sweep has in view."""

LOOKS_AT_ONCE = 200
"""In how many of those a sweep looks for running tasks; the others come with the next sweeps."""

UNFINISHED_AT_ONCE = 100
"""How many runs in each unfinished state a sweep looks at; the next one goes on after them."""

SETTLE_SECONDS = 4.0
"""How long a terminated run without a running leaf must be quiet: between two steps of a pipeline, none may be running."""

WATCH_SECONDS = 3600.0
"""How long a run must have been quiet for this process before it counts as abandoned, unless `abandoned_hours` is shorter."""

GAP_SECONDS = 60.0
"""How late a sweep may be before it starts to watch anew: a process that was stopped has taken no reports either."""

CLOSE_SECONDS = 10.0
AGAIN_SECONDS = 60.0  # until a run is tried again that could not be closed

_MICROSECONDS = 1_000_000
_CANCELING, _CANCELED = RunState.CANCELING.name, RunState.CANCELED.name
_UNFINISHED = (RunState.PENDING.name, RunState.RUNNING.name, RunState.RUNTIME_STATE_UNSPECIFIED.name)
_DEADLINE_EXCEEDED = 4  # of google.rpc.Code


@dataclass(slots=True)
class _Sighting:
    """A run as it was first seen in a condition, and when."""

    condition: Hashable
    since: float
    has_leaf: bool | None = None
    is_done: bool = False


class _Watch:
    """Since when runs have been as they are, by a monotonic clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sightings: dict[str, _Sighting] = {}

    def see(self, run_id: str, condition: Hashable) -> _Sighting:
        """Return since when the run is in this condition."""
        sighting = self._sightings.get(run_id)
        if sighting is None or sighting.condition != condition:
            sighting = self._sightings[run_id] = _Sighting(condition, self._clock())
        return sighting

    def forget_others(self, run_ids: Iterable[str]) -> None:
        """Forget all runs but these."""
        kept = set(run_ids)
        self._sightings = {run_id: each for run_id, each in self._sightings.items() if run_id in kept}

    def forget(self, run_id: str) -> None:
        """Forget a run."""
        self._sightings.pop(run_id, None)


@dataclass(slots=True)
class _Round:
    """How far the sweeps have come among the runs in an unfinished state, and which of them they have found old."""

    after: RunChange | None = None
    old_ids: set[str] = field(default_factory=set)
    watch: _Watch = field(default_factory=lambda: _Watch(time.monotonic))


class Closed(NamedTuple):
    """How many runs a sweep has closed."""

    canceled: int
    abandoned: int


class RunSweep:
    """What one process knows of runs that may have to be closed. `now` is the clock for times in rows, in microseconds."""

    def __init__(
        self,
        store: Store,
        now: Callable[[], int],
        *,
        cancel_grace_seconds: float,
        abandoned_hours: float,
        sweep_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._now, self._clock = store, now, clock
        self._grace = cancel_grace_seconds
        self._settle = min(SETTLE_SECONDS, cancel_grace_seconds)
        self._abandoned = abandoned_hours * 3600
        self._gap = sweep_seconds + GAP_SECONDS
        self._ended_at = clock()
        self._start_anew()

    def _start_anew(self) -> None:
        self._canceling, self._canceled = _Watch(self._clock), _Watch(self._clock)
        self._rounds = {state: _Round(watch=_Watch(self._clock)) for state in _UNFINISHED}

    async def close(self) -> Closed:
        """Close the runs whose time has come. Raises StorageError; what was watched before is then forgotten.

        While a database is away, no pod can report: that a run was quiet meanwhile says nothing.
        """
        if self._clock() - self._ended_at > self._gap:
            self._start_anew()
        try:
            begin, since = self._clock(), self._ago(2 * self._grace)
            canceling, recently_canceled = await self._store.read(partial(_canceling_and_canceled, since))
            canceled = await self._close_canceling(begin, canceling)
            await self._close_canceled(begin, recently_canceled)
            abandoned = await self._close_abandoned() if self._abandoned else 0
        except BaseException:
            self._start_anew()
            raise
        finally:
            self._ended_at = self._clock()
        return Closed(canceled, abandoned)

    async def _close_canceling(self, begin: float, changes: Sequence[RunChange]) -> int:
        """Cancel terminated runs in which nothing runs any more, and those that were quiet for the grace period."""
        self._canceling.forget_others(change.id for change in changes)
        count = 0
        for change in changes:
            sighting = self._canceling.see(change.id, change.updated_at)
            quiet = begin - sighting.since
            if quiet >= self._grace or (quiet >= self._settle and not await self._has_leaf(change, sighting)):
                count += await self._try(sighting, change.id, partial(self._cancel, change))
        return count

    async def _has_leaf(self, change: RunChange, sighting: _Sighting) -> bool:
        # Once: a write to a task of a canceling run changes the run, so that there is another sighting.
        has_leaf = sighting.has_leaf
        if has_leaf is None:
            has_leaf = await self._store.read_one(lambda tx: tx.tasks.has_running_leaf(change.id))
            sighting.has_leaf = has_leaf
        return has_leaf

    async def _cancel(self, change: RunChange, tx: WriteTx) -> bool:
        run = await _locked(tx, change, _CANCELING)
        if run is None:
            return False
        now = self._now()
        await task_ends.end_running(tx, run.id, why=task_ends.CANCELED, now=now)
        await run_state.set_state(tx, run, _CANCELED, now=now)
        return True

    async def _close_canceled(self, begin: float, changes: Sequence[RunChange]) -> None:
        """End tasks that are running in canceled runs, which were quiet for the grace period."""
        self._canceled.forget_others(change.id for change in changes)
        looks = 0
        for change in changes:
            sighting = self._canceled.see(change.id, change.updated_at)
            if not sighting.is_done and begin - sighting.since >= self._grace and looks < LOOKS_AT_ONCE:
                looks += 1
                if await self._has_running(change.id):
                    await self._try(sighting, change.id, partial(self._end_tasks, change))
                else:
                    sighting.is_done = True

    async def _has_running(self, run_id: str) -> bool:
        return bool(await self._store.read_one(lambda tx: tx.tasks.running(run_id)))

    async def _end_tasks(self, change: RunChange, tx: WriteTx) -> bool:
        run = await _locked(tx, change, _CANCELED)
        return run is not None and await task_ends.end_running(tx, run.id, why=task_ends.CANCELED, now=self._now())

    async def _close_abandoned(self) -> int:
        return sum([await self._look_further(state, each) for state, each in self._rounds.items()])

    async def _look_further(self, state: str, each: _Round) -> int:
        """Look at the next runs in an unfinished state, and fail those that were abandoned."""
        begin = self._clock()
        moment = self._ago(self._abandoned)
        changes = await self._store.read_one(
            lambda tx: tx.runs.list_in_state(state, created_before=moment, after=each.after, limit=UNFINISHED_AT_ONCE)
        )
        count = 0
        for change in changes:
            activity = await self._activity(change, moment)
            if activity is None:
                each.watch.forget(change.id)
                continue
            each.old_ids.add(change.id)
            sighting = each.watch.see(change.id, (change.updated_at, activity))
            if begin - sighting.since >= min(WATCH_SECONDS, self._abandoned):
                count += await self._try(sighting, change.id, partial(self._fail, change, state, activity))
        each.after = changes[-1] if len(changes) == UNFINISHED_AT_ONCE else None
        if each.after is None:
            each.watch.forget_others(each.old_ids)
            each.old_ids = set()
        return count

    def _ago(self, seconds: float) -> int:
        """Return the time so many seconds ago, or 1970 if that was before."""
        now = self._now()
        return now - int(min(seconds * _MICROSECONDS, now))

    async def _activity(self, change: RunChange, moment: int) -> RunActivity | None:
        """Return what is recorded of a run, None if something of it is not older than a moment."""
        if change.updated_at >= moment:
            return None
        activity = await self._store.read_one(lambda tx: tx.runs.activity(change.id))
        changed_at = max(activity.tasks_updated_at, moment_of_id(activity.last_link_id) or 0)
        return activity if changed_at < moment else None

    async def _fail(self, change: RunChange, state: str, activity: RunActivity, tx: WriteTx) -> bool:
        run = await _locked(tx, change, state)
        if run is None or await tx.runs.activity(run.id) != activity:
            return False
        now = self._now()
        await task_ends.end_running(tx, run.id, why=task_ends.ABANDONED, now=now)
        why = f"nothing was reported for {self._abandoned / 3600:g} hours"
        error: dict[str, Plain] = {"code": _DEADLINE_EXCEEDED, "message": why}
        await run_state.set_state(tx, run, RunState.FAILED.name, now=now, error=error)
        return True

    async def _try(self, sighting: _Sighting, run_id: str, fn: Callable[[WriteTx], Awaitable[bool]]) -> bool:
        """Run a write that closes a run; return whether it did. A run that somebody holds must not keep others waiting."""
        try:
            return await write_within(self._store, CLOSE_SECONDS, fn)
        except RowNotFound:
            return False
        except StorageError as error:
            log.warning("run not closed", run=run_id, error=str(error))
            sighting.since = self._clock() + AGAIN_SECONDS
            return False


async def _canceling_and_canceled(changed_since: int, tx: ReadTx) -> tuple[Sequence[RunChange], Sequence[RunChange]]:
    """Return canceling runs, and canceled ones that have changed since a time. Together: an idle server does little else."""
    canceling = await tx.runs.list_canceling(limit=CANCELING_AT_ONCE)
    return canceling, await tx.runs.list_canceled(changed_since=changed_since, limit=CANCELED_AT_ONCE)


async def _locked(tx: WriteTx, change: RunChange, state: str) -> RunHead | None:
    """Lock all tasks of a run, then the run; return None if it has changed. Raises RowNotFound."""
    await tx.tasks.lock_of_run(change.id)
    run = await tx.runs.lock(change.id, Lock.UPDATE)
    return run if (run.state, run.updated_at) == (state, change.updated_at) else None
