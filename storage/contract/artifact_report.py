"""The contract of what made one artifact: rows by their ids, without what is longer than is asked for."""

from collections.abc import Sequence
from typing import Protocol

from storage.artifact_report import BranchTask, ReportedArtifact, ReportedRun, SpecText, TaskInputs


class ArtifactReportReads(Protocol):
    """Reading what a report of an artifact shows. Ids must be ids that the store gave, or texts that can be ids."""

    async def artifact(self, artifact_id: str, *, characters: int) -> ReportedArtifact | None:
        """A reported artifact comes with its metadata unless they are longer than so many characters.

        Its description is cut after so many characters. An artifact that does not exist is not reported.
        """

    async def branch(self, task_id: str, *, levels: int) -> Sequence[BranchTask]:
        """A task comes with the groups around it, the nearest first, at most so many. Groups around each other come once."""

    async def inputs_of_tasks(self, task_ids: Sequence[str], *, characters: int) -> dict[str, TaskInputs]:
        """Inputs of tasks come unless they are longer than so many characters."""

    async def run(self, run_id: str, *, characters: int) -> ReportedRun | None:
        """A run comes with the names of its experiment, pipeline and version. A run that does not exist is not reported.

        A reported run comes with its runtime configuration unless that is longer than so many characters.
        """

    async def spec(self, spec_id: str, *, characters: int) -> SpecText | None:
        """A specification is read unless it is longer than so many characters. An unknown specification is not read."""
