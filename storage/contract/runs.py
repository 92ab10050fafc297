"""The contract of runs."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Lock, Page
from storage.model import Run, RunActivity, RunChange, RunHead, ShownRun
from storage.pages import Cursor


class RunReads(Protocol):
    """Reading runs."""

    async def head(self, run_id: str) -> RunHead:
        """The head of a run is read without its specification. Raises RowNotFound when no run has the id."""

    async def get(self, run_id: str, *, with_spec: bool) -> Run:
        """A run is read with its specification only when asked for. Getting an unknown run raises RowNotFound."""

    async def get_shown(self, run_id: str) -> ShownRun:
        """A shown run comes with its own specification unless the version it names exists.

        A shown run counts its tasks. Showing an unknown run raises RowNotFound.
        """

    async def activity(self, run_id: str) -> RunActivity:
        """The activity of a run has its task count, their last change and its last link."""

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """A run of a recurring run is found by its display name. An empty recurring run id finds nothing."""

    async def list(
        self, listing: Listing, *, experiment_id: str | None, namespace: str | None, with_spec: bool
    ) -> Page[Run]:
        """Runs list by creation time, then id. An experiment and a namespace limit the list of runs."""

    async def task_counts(self, run_ids: Sequence[str]) -> dict[str, int]:
        """Tasks are counted for many runs at once. Runs without tasks are left out of the count."""

    async def list_canceling(self, *, limit: int) -> Sequence[RunChange]:
        """Canceling runs come with their last change, the longest unchanged first."""

    async def list_canceled(self, *, changed_since: int, limit: int) -> Sequence[RunChange]:
        """Canceled runs that have changed since come with their last change, the longest unchanged first."""

    async def list_in_state(
        self, state: str, *, created_before: int, after: RunChange | None, limit: int
    ) -> Sequence[RunChange]:
        """Runs in a state come by creation time, then id. A list of runs in a state goes on after any of them."""


class RunWrites(RunReads, Protocol):
    """Writing runs."""

    async def lock(self, run_id: str, lock: Lock) -> RunHead:
        """A run locked for update is not written by others until the transaction ends.

        A run locked for sharing is not written by others until the transaction ends. Locking an unknown run raises RowNotFound.
        """

    async def create(self, run: Run) -> None:
        """A used run id raises AlreadyExists. A specification is stored once however many runs share it."""

    async def set_state(
        self, run_id: str, *, state: str, state_history: str, finished_at: int | None, updated_at: int
    ) -> None:
        """State, history and finish time of a run change together."""

    async def touch(self, run_id: str, *, now: int) -> None:
        """A touched run has changed, whatever the clock says. A touched run that does not exist is left out."""

    async def set_storage_state(self, run_id: str, storage_state: str, *, updated_at: int) -> None:
        """Archiving a run that does not exist raises RowNotFound."""

    # A position among the runs of an experiment is a cursor in a list by creation time.
    async def archive_of_experiment(
        self, experiment_id: str, *, after: Cursor | None, limit: int, updated_at: int
    ) -> Cursor | None:
        """The next runs of an experiment are archived, the oldest first. A run that is archived already is not written again.

        The last runs of an experiment have none after them.
        """

    async def delete(self, run_id: str) -> None:
        """Deleting a run deletes its tasks and links but no artifact. Deleting an unknown run raises RowNotFound."""
