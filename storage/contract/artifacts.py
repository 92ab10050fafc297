"""The contract of artifacts."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Page
from storage.model import Artifact


class ArtifactReads(Protocol):
    """Reading artifacts."""

    async def get(self, artifact_id: str) -> Artifact:
        """Raises RowNotFound when no artifact has the id."""

    async def namespaces(self, artifact_ids: Sequence[str]) -> dict[str, str]:
        """Namespaces of unknown artifacts are left out. Texts that cannot be ids have no namespaces and cost no statement."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Artifact]:
        """Artifacts list by creation time, then id. A namespace limits the list of artifacts."""

    async def find_by_identity(self, namespace: str, identity_key: str) -> Artifact | None:
        """An artifact is found by the identity it was created with."""

    async def find_by_uri(self, namespace: str, uri: str) -> Sequence[Artifact]:
        """Artifacts with a uri come oldest first."""


class ArtifactWrites(ArtifactReads, Protocol):
    """Writing artifacts."""

    async def create(self, artifacts: Sequence[Artifact]) -> None:
        """Artifacts are created all or none."""

    async def create_unique(self, artifact: Artifact) -> Artifact:
        """Creating an artifact whose identity is taken returns the existing artifact."""

    async def lock(self, artifact_id: str) -> Artifact:
        """An artifact locked for update is not written by others until the transaction ends. An unknown artifact is not locked."""

    async def set_metric(
        self, artifact: Artifact, *, metadata: str | None, number_value: float | None, updated_at: int
    ) -> Artifact:
        """A metric that is set keeps all but its metadata, number and time of change. It loses the identity it was created with."""
