"""A transaction that holds its rows in memory: rules are tested against it without a database and without messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from storage.model import Artifact, ArtifactTask, TaskHead


@dataclass
class Artifacts:
    """Artifacts in the order in which they were made."""

    rows: list[Artifact] = field(default_factory=list)

    async def find_by_identity(self, namespace: str, identity_key: str) -> Artifact | None:
        """The artifact that was created with an identity."""
        return next((row for row in self.rows if (row.namespace, row.identity_key) == (namespace, identity_key)), None)

    async def find_by_uri(self, namespace: str, uri: str) -> Sequence[Artifact]:
        """Those with a uri, oldest first."""
        return [row for row in self.rows if (row.namespace, row.uri) == (namespace, uri)]

    async def namespaces(self, artifact_ids: Sequence[str]) -> dict[str, str]:
        """The namespaces of those that are there."""
        return {row.id: row.namespace for row in self.rows if row.id in artifact_ids}

    async def create(self, artifacts: Sequence[Artifact]) -> None:
        """Add rows."""
        self.rows += artifacts

    async def create_unique(self, artifact: Artifact) -> Artifact:
        """Add a row."""
        self.rows.append(artifact)
        return artifact


@dataclass
class Tasks:
    """Heads of tasks."""

    rows: list[TaskHead] = field(default_factory=list)

    async def heads(self, task_ids: Sequence[str]) -> dict[str, TaskHead]:
        """The heads of those that are there."""
        return {row.id: row for row in self.rows if row.id in task_ids}


@dataclass
class Links:
    """Links in the order in which they were made."""

    rows: list[ArtifactTask] = field(default_factory=list)

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """Add rows."""
        self.rows += links
        return links


def transaction(*, tasks: Sequence[TaskHead] = (), artifacts: Sequence[Artifact] = ()) -> Any:
    """What rules use of a WriteTx; Any, as it has only the functions that the rules under test call."""
    return SimpleNamespace(tasks=Tasks(list(tasks)), artifacts=Artifacts(list(artifacts)), artifact_tasks=Links())
