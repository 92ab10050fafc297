"""The contract of the walk along links: many artifacts or tasks at a time, and of each no more than is asked for."""

from collections.abc import Sequence
from typing import Protocol

from storage.lineage import ArtifactNode, LineageLink, Moment, TaskLinks, TaskNode
from storage.model import TaskOutline


class LineageReads(Protocol):
    """Reading links across runs. Ids must be ids that the store gave, or texts that can be ids."""

    async def producers(self, artifact_ids: Sequence[str], *, per_artifact: int) -> Sequence[LineageLink]:
        """Links to what made artifacts come by task, at most so many for each artifact."""

    async def consumers(self, artifact_ids: Sequence[str], *, per_artifact: int) -> Sequence[LineageLink]:
        """Links to what used artifacts come by their own ids, at most so many for each artifact."""

    async def inputs(self, task_ids: Sequence[str], *, per_task: int) -> TaskLinks:
        """Links to what tasks used come by type and key, at most so many for each task. Artifacts that tasks used come along."""

    async def outputs(self, task_ids: Sequence[str], *, per_task: int) -> TaskLinks:
        """Links to what tasks made come by type and key, at most so many for each task. Artifacts that tasks made come along."""

    async def versions_before(self, moments: Sequence[Moment], *, per_uri: int) -> Sequence[Sequence[ArtifactNode]]:
        """Artifacts at a uri come newest first, from a moment backwards. Only artifacts that have versions are at a uri."""

    async def versions_after(self, moments: Sequence[Moment], *, per_uri: int) -> Sequence[Sequence[ArtifactNode]]:
        """Artifacts at a uri come oldest first, from a moment onwards."""

    async def at_uri(self, uri_hash: str, namespace: str | None, *, limit: int) -> Sequence[ArtifactNode]:
        """Artifacts of any type with a uri come newest first. A namespace limits which artifacts have a uri."""

    async def tasks_of_run(self, run_id: str, *, types: Sequence[int], limit: int) -> Sequence[str]:
        """Tasks of some types in a run come by creation time, then id."""

    async def parameters_of_run(self, run_id: str, *, limit: int, characters: int) -> Sequence[TaskOutline]:
        """First tasks of a run come by creation time, then id, with their parameters.

        Parameters of a run that exceed so many characters in all are empty texts.
        """

    async def tasks(self, task_ids: Sequence[str]) -> dict[str, TaskNode]:
        """Nodes of unknown tasks are left out."""

    async def artifacts(self, artifact_ids: Sequence[str]) -> dict[str, ArtifactNode]:
        """Nodes of unknown artifacts are left out."""

    async def experiments(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Runs come with their experiments."""
