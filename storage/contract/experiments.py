"""The contract of experiments."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Lock, Page
from storage.model import Experiment


class ExperimentReads(Protocol):
    """Reading experiments."""

    async def get(self, experiment_id: str) -> Experiment:
        """Raises RowNotFound when no experiment has the id. The last run of one experiment counts before it is recorded."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Experiment]:
        """Experiments list by creation time, then id."""

    async def unrecorded_runs(self, *, created_since: int) -> Sequence[tuple[str, int]]:
        """Experiments that have a newer run than is recorded are found, with the time of that run.

        Runs created before a given time are not looked at.
        """

    async def default_id(self) -> str:
        """The default experiment exists from the first upgrade. Raises RowNotFound once the default experiment is deleted."""


class ExperimentWrites(ExperimentReads, Protocol):
    """Writing experiments."""

    async def lock(self, experiment_id: str, lock: Lock) -> Experiment:
        """An experiment locked for update is not written by others until the transaction ends.

        An experiment locked for sharing is not archived by others until the transaction ends. Locking an unknown experiment raises
        RowNotFound.
        """

    async def ensure_default(self, fallback: Experiment) -> str:
        """A deleted default experiment is created again from the fallback.

        An experiment that has the fallback's name becomes the default.
        """

    async def record_run(self, experiment_id: str, created_at: int) -> None:
        """The time of an experiment's last run only moves forward."""

    async def create(self, experiment: Experiment) -> None:
        """A taken experiment name raises AlreadyExists."""

    async def set_storage_state(self, experiment_id: str, storage_state: str) -> None:
        """Archiving an experiment that does not exist raises RowNotFound."""

    async def delete(self, experiment_id: str) -> None:
        """Deleting an experiment keeps its runs."""
