"""What is recorded, summed up: how many runs there are in each state, which are quiet, which are the latest.

GetOverview calls this in one snapshot. Of each state the newest runs are looked at, so that it takes as long however many there are.
"""

from collections.abc import Sequence

from storage.contract import Listing, ReadTx
from storage.fields import RUNS
from storage.filters import Operation, Order, Predicate
from storage.ids import moment_of_id
from storage.model import RunState, StorageState
from storage.overview import LastWrites, RunRow, StateCount
from storage.record import record

COUNTED_MAX = 10_000
"""How many runs of a state are counted."""

QUIET_MAX = 100
"""How many quiet runs are shown."""

QUIET_AMONG_MAX, QUIET_LOOKS_MAX = 1_000, 500
"""Among how many running runs the quiet ones are looked for, the newest, and of how many of them the tasks are looked at."""

QUIET_SECONDS = 3_600
"""How long nothing of a run was written if it is quiet."""

LATELY_SECONDS = 24 * 3_600

_LONGEST_SECONDS = 7 * 24 * 3_600
"""How long ago a run may have been created that counts as failed lately: the index of states is sorted by that."""

FIRST_TASKS, TASKS_MAX = 20, 1_000
"""How many of a run's newest tasks are looked at: first few of many runs, then more of those that seem quiet."""

_MICROSECONDS = 1_000_000


@record
class Count:
    """A number of runs, and whether there may be more."""

    count: int = 0
    more: bool = False


@record
class Overview:
    """What is recorded."""

    states: Sequence[tuple[str, Count]]
    running: Count
    failed_lately: Count
    quiet: Sequence[RunRow]
    latest: Sequence[RunRow]


async def read_overview(tx: ReadTx, *, namespace: str | None, latest: int, now: int) -> Overview:
    """Read what is recorded in a namespace, or everywhere; `latest` is how many runs are shown."""
    # One more than is counted, as a sign that there are more.
    found = await tx.overview.count_by_state(namespace=namespace, among=COUNTED_MAX + 1)
    counts = {each.state: _count(each) for each in found}
    failed = await tx.overview.count_ended(
        RunState.FAILED.name,
        created_since=now - _LONGEST_SECONDS * _MICROSECONDS,
        ended_since=now - LATELY_SECONDS * _MICROSECONDS,
        namespace=namespace,
        among=COUNTED_MAX + 1,
    )
    return Overview(
        states=[(state, count) for state, count in counts.items() if count.count or count.more],
        running=counts.get(RunState.RUNNING.name, Count()),
        failed_lately=_count(failed),
        quiet=await _quiet(tx, namespace=namespace, before=now - QUIET_SECONDS * _MICROSECONDS),
        latest=await _latest(tx, namespace, latest),
    )


def _count(found: StateCount) -> Count:
    return Count(min(found.count, COUNTED_MAX), found.examined > COUNTED_MAX)


async def _quiet(tx: ReadTx, *, namespace: str | None, before: int) -> Sequence[RunRow]:
    """Return running runs of which nothing was written since a time."""
    rows = await tx.overview.list_unchanged(
        RunState.RUNNING.name, before=before, namespace=namespace, among=QUIET_AMONG_MAX, limit=QUIET_LOOKS_MAX
    )
    writes = await tx.overview.last_writes([row.id for row in rows], tasks=FIRST_TASKS)
    rows = [row for row in rows if _is_quiet(writes[row.id], before)][:QUIET_MAX]
    writes = await tx.overview.last_writes([row.id for row in rows], tasks=TASKS_MAX)
    return [row for row in rows if _is_quiet(writes[row.id], before)]


def _is_quiet(writes: LastWrites, before: int) -> bool:
    return max(writes.tasks_updated_at, moment_of_id(writes.last_link_id) or 0) < before


async def _latest(tx: ReadTx, namespace: str | None, count: int) -> Sequence[RunRow]:
    is_available = Predicate(RUNS["storage_state"], Operation.EQUALS, (StorageState.AVAILABLE.name,))
    order = Order(RUNS["created_at"], descending=True)
    listing = Listing(order, page_size=count, predicates=(is_available,), with_total=False)
    return (await tx.overview.list_runs(listing, experiment_id=None, namespace=namespace)).rows
