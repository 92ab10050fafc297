"""The contract of the search: rows along their indexes, as many as are asked for, and what is looked up for many at once."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from storage.lineage import ArtifactNode, ExperimentNode, RunNode, TaskNode
from storage.search import After, Along, LinksFrom, MetricOfRun, PipelineNames, TasksFrom


class SearchReads(Protocol):
    """Reading what a search looks through. Times are in microseconds."""

    async def runs(self, along: Along, value: str, *, after: After, since: int, limit: int) -> Sequence[RunNode]:
        """Runs come newest first, after a row and not before a time. Runs can be those of one value."""

    async def artifacts(self, namespace: str | None, *, after: After, since: int, limit: int) -> Sequence[ArtifactNode]:
        """Artifacts come newest first, after a row and not before a time. Artifacts can be those of one namespace."""

    async def experiments(self, *, after: After, since: int, limit: int) -> Sequence[ExperimentNode]:
        """Experiments come newest first, after a row and not before a time."""

    async def tasks_of_runs(self, runs: Sequence[TasksFrom], *, per_run: int) -> Mapping[str, Sequence[TaskNode]]:
        """Tasks of runs come oldest first after a row of each, at most so many for each run."""

    async def namespace_of_uri(self, uri_hash: str, *, first: str) -> str | None:
        """The first namespace of a uri is found from any text on. A uri that no artifact has is in no namespace."""

    async def artifacts_at_uri(
        self, uri_hash: str, namespace: str, *, after: After, limit: int
    ) -> Sequence[ArtifactNode]:
        """Artifacts at a uri in a namespace come newest first, after a row."""

    async def runs_by_id(self, run_ids: Sequence[str]) -> dict[str, RunNode]:
        """Runs that are looked up and do not exist are left out."""

    async def experiments_by_id(self, experiment_ids: Sequence[str]) -> dict[str, ExperimentNode]:
        """Experiments that are looked up and do not exist are left out."""

    async def pipeline_names(self, pipeline_ids: Sequence[str]) -> dict[str, PipelineNames]:
        """Names of pipelines that do not exist are left out."""

    async def experiments_named(self, name: str) -> Sequence[ExperimentNode]:
        """Experiments of a name are found in all namespaces."""

    async def pipelines_named(self, name: str) -> Sequence[PipelineNames]:
        """Pipelines of a name are found in all namespaces."""

    async def metrics_of_runs(
        self, runs: Sequence[LinksFrom], names: Sequence[str], *, links: int
    ) -> Sequence[MetricOfRun]:
        """Numbers that tasks of runs put out as metrics of some names are among so many links of each run."""

    async def ends_of_links(self, runs: Sequence[LinksFrom], *, links: int) -> dict[str, str]:
        """The last of so many links of each run is named where a run has that many."""
