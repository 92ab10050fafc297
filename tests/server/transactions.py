"""A transaction that holds its rows in memory: rules are tested against it without a database and without messages."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from storage.errors import AlreadyExists, RowNotFound
from storage.model import Artifact, ArtifactTask, Experiment, LinkedArtifact, PipelineVersion, Run, TaskHead


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
    """Links in the order in which they were made, and the artifacts they link."""

    rows: list[ArtifactTask] = field(default_factory=list)
    artifacts: Artifacts = field(default_factory=Artifacts)

    async def outputs(self, links: Sequence[ArtifactTask], uris: Sequence[str]) -> Sequence[LinkedArtifact]:
        """What is linked as the links say, with one of the uris."""
        keys = {(link.task_id, link.type, link.key, link.iteration) for link in links}
        artifacts = {artifact.id: artifact for artifact in self.artifacts.rows if artifact.uri in uris}
        return [
            LinkedArtifact(row, artifacts[row.artifact_id])
            for row in self.rows
            if row.artifact_id in artifacts and (row.task_id, row.type, row.key, row.iteration) in keys
        ]

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """Add rows."""
        self.rows += links
        return links

    async def create_of_new(self, links: Sequence[ArtifactTask]) -> None:
        """Add rows."""
        self.rows += links


@dataclass
class Experiments:
    """Experiments, and the id of the default one."""

    rows: list[Experiment] = field(default_factory=list)
    default: str = ""

    async def ensure_default(self, experiment: Experiment) -> str:
        """Add the default experiment."""
        self.rows.append(experiment)
        return experiment.id

    async def get(self, experiment_id: str) -> Experiment:
        """An experiment that is there."""
        return next(row for row in self.rows if row.id == experiment_id)

    async def default_id(self) -> str:
        """The id of the default experiment."""
        if not self.default:
            raise RowNotFound("experiment", "Default")
        return self.default

    async def delete(self, experiment_id: str) -> None:
        """Take a row away."""
        self.rows = [row for row in self.rows if row.id != experiment_id]


@dataclass
class Versions:
    """Pipeline versions, oldest first."""

    rows: list[PipelineVersion] = field(default_factory=list)

    async def get(self, version_id: str) -> PipelineVersion:
        """A version that is there."""
        return next(row for row in self.rows if row.id == version_id)

    async def find_latest(self, pipeline_id: str) -> PipelineVersion | None:
        """The newest version of a pipeline."""
        return next((row for row in reversed(self.rows) if row.pipeline_id == pipeline_id), None)


@dataclass
class Runs:
    """Runs in the order in which they were made."""

    rows: list[Run] = field(default_factory=list)

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """The run of a recurring run by its name."""
        names = (recurring_run_id, display_name)
        return next((row for row in self.rows if (row.recurring_run_id, row.display_name) == names), None)

    async def create(self, run: Run) -> None:
        """Add a row."""
        if any(row.id == run.id for row in self.rows):
            raise AlreadyExists("run", run.id)
        self.rows.append(run)


def transaction(
    *,
    tasks: Sequence[TaskHead] = (),
    artifacts: Sequence[Artifact] = (),
    experiments: Sequence[Experiment] = (),
    versions: Sequence[PipelineVersion] = (),
) -> Any:
    """What rules use of a WriteTx; Any, as it has only the functions that the rules under test call."""
    kept_artifacts = Artifacts(list(artifacts))
    return SimpleNamespace(
        tasks=Tasks(list(tasks)),
        artifacts=kept_artifacts,
        artifact_tasks=Links(artifacts=kept_artifacts),
        experiments=Experiments(list(experiments)),
        pipeline_versions=Versions(list(versions)),
        runs=Runs(),
    )
