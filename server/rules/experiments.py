"""Requirements of an experiment, how one is archived with its runs, and which one cannot be deleted."""

from time import perf_counter
from typing import NamedTuple

from server.errors import Aborted
from server.rules import checks
from server.rules.field_limits import MAX_CHARACTERS
from server.rules.unfinished import Unfinished
from storage.contract import Lock, ReadTx, Store, WriteTx
from storage.errors import RowNotFound
from storage.model import Experiment, StorageState
from storage.pages import Cursor

STEP_SECONDS = 0.05
"""How long one transaction archives runs: writers of these runs, on SQLite all writers, wait for its end."""

FIRST_RUNS, RUNS_AT_ONCE = 16, 1_000
"""How many runs the first statement archives, and the most that a later one does."""


class NewExperiment(NamedTuple):
    """What a client says of a new experiment; `requested_namespace` is checked, the call's scope decides."""

    display_name: str = ""
    description: str = ""
    requested_namespace: str = ""


def new_experiment(new: NewExperiment, *, experiment_id: str, namespace: str, now: int) -> Experiment:
    """Return the record of a new experiment. Raises InvalidArgument for a missing name and for texts that are too long."""
    checks.require(new.display_name, "experiment.display_name is required")
    checks.max_characters("experiment.display_name", new.display_name, MAX_CHARACTERS["Experiment.display_name"])
    checks.max_characters("experiment.namespace", new.requested_namespace, MAX_CHARACTERS["Experiment.namespace"])
    checks.max_bytes("experiment.description", new.description, checks.TEXT_BYTES)
    return Experiment(
        id=experiment_id,
        name=new.display_name,
        description=new.description,
        created_at=now,
        namespace=namespace,
    )


class _Pace:
    """How many runs a statement archives: by the clock, since SQLite writes a whole row again, be it a kilobyte or a megabyte."""

    def __init__(self) -> None:
        self.limit = FIRST_RUNS

    def note(self, seconds: float) -> None:
        """Adapt to the time that a statement took."""
        if seconds < STEP_SECONDS / 2:
            self.limit = min(2 * self.limit, RUNS_AT_ONCE)
        elif seconds > STEP_SECONDS:
            self.limit = max(self.limit // 2, 1)


async def delete_unless_default(tx: WriteTx, experiment_id: str) -> None:
    """Delete an experiment; its runs stay. Raises Aborted for the default one, NotFound and RowNotFound for an unknown one."""
    if experiment_id == await _default_id(tx):
        raise Aborted("the default experiment cannot be deleted")
    await tx.experiments.delete(checks.known_id("experiment", experiment_id))


async def archive(store: Store, experiment_id: str, *, now: int) -> None:
    """Archive an experiment and all its runs, many of them in several transactions, between which others write.

    The first transaction archives the experiment, so that from then on no run of it is made available again. Where a call ends
    early, the next one goes on. Raises RowNotFound, and Aborted when the experiment is made available meanwhile: its runs that
    were archived stay so, and what is made available by hand afterwards is not archived again.
    """

    async def begin(tx: WriteTx) -> Unfinished | None:
        await tx.experiments.set_storage_state(experiment_id, StorageState.ARCHIVED.name)
        return await _archive_runs(tx, experiment_id, after=None, pace=pace, now=now)

    async def go_on(tx: WriteTx) -> Unfinished | None:
        experiment = await tx.experiments.lock(experiment_id, Lock.UPDATE)
        if experiment.storage_state != StorageState.ARCHIVED.name:
            raise Aborted(f"experiment {experiment_id!r} was unarchived before all its runs were archived")
        return await _archive_runs(tx, experiment_id, after=position, pace=pace, now=now)

    pace = _Pace()
    position: Cursor | None = None
    rest = await store.write(begin)
    while rest is not None:
        position = rest.position
        rest = await store.write(go_on)


async def _archive_runs(
    tx: WriteTx, experiment_id: str, *, after: Cursor | None, pace: _Pace, now: int
) -> Unfinished | None:
    """Archive runs for STEP_SECONDS; return where to go on, None at the end."""
    position, start = after, perf_counter()
    while True:
        began = perf_counter()
        position = await tx.runs.archive_of_experiment(experiment_id, after=position, limit=pace.limit, updated_at=now)
        end = perf_counter()
        pace.note(end - began)
        if position is None:
            return None
        if end - start >= STEP_SECONDS:
            return Unfinished(position)


async def _default_id(tx: ReadTx) -> str | None:
    try:
        return await tx.experiments.default_id()
    except RowNotFound:
        return None
