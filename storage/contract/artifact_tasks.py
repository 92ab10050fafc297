"""The contract of the links between artifacts and tasks."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Page
from storage.model import ArtifactTask, LinkedArtifact, LinkOutline


class ArtifactTaskReads(Protocol):
    """Reading the links between artifacts and tasks."""

    async def list(
        self,
        listing: Listing,
        *,
        task_ids: Sequence[str],
        run_ids: Sequence[str],
        artifact_ids: Sequence[str],
        type: int | None,
    ) -> Page[ArtifactTask]:
        """Links list by id. Ids of one kind are alternatives, kinds must all match.

        Texts that cannot be ids have no links and cost no statement.
        """

    async def of_tasks(self, task_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Links of tasks come with their artifacts."""

    async def of_runs(self, run_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Links of runs come with their artifacts."""

    async def outlines(self, run_id: str, *, limit: int) -> Sequence[LinkOutline]:
        """Outlines of the first links of a run come by id."""

    async def outputs(self, links: Sequence[ArtifactTask], uris: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Artifacts with a uri are found by the task, type, key and iteration of their links, in order of the links' ids.

        An artifact that was linked elsewhere before is not an output of the task.
        """


class ArtifactTaskWrites(ArtifactTaskReads, Protocol):
    """Writing links."""

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """A link that exists already is returned as it is. Links come back in the order they were given.

        A link to a task or an artifact that does not exist raises Conflict.
        """

    async def create_of_new(self, links: Sequence[ArtifactTask]) -> None:
        """Links of artifacts that are new come back as they were given."""

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Links of tasks are deleted without their artifacts."""
