"""The contract of what a page about one run shows: a bounded number of rows, however large the run is."""

from collections.abc import Sequence
from typing import Protocol

from storage.run_report import (
    EarlierRun,
    IterationState,
    MadeArtifact,
    RunFacts,
    TaskDetails,
    TaskMark,
    TaskRow,
    TaskStateCount,
)


class RunReportReads(Protocol):
    """Reading one run to show it. Ids must be ids that the store gave, or texts that can be ids."""

    async def facts(self, run_id: str, *, characters: int) -> RunFacts:
        """Facts of a run come with the names of its experiment, pipeline and version.

        Facts of an unknown run raise RowNotFound. A longer runtime configuration is left out of facts, a description is cut.
        """

    async def spec(self, run_id: str, *, characters: int) -> str | None:
        """The specification of a run is read alone unless it is longer than so many characters."""

    async def task_states(self, run_id: str, *, among: int) -> Sequence[TaskStateCount]:
        """So many tasks of a run are counted by state, with their last change."""

    async def branch(self, task_id: str) -> Sequence[TaskRow]:
        """A branch begins at the top of a run and ends with its task. A branch of parents that form a cycle comes to an end."""

    async def level(
        self,
        run_id: str,
        parent_task_id: str | None,
        *,
        beginning: str | None,
        after: tuple[int, str],
        limit: int,
    ) -> Sequence[TaskRow]:
        """Rows of a level come by creation time, then id, after a row. A level without a parent has the tasks that have none.

        A level can be of tasks whose attributes have a beginning. Only rows of failed tasks have a status, which is cut.
        """

    async def children(self, run_id: str, parent_task_ids: Sequence[str], *, per_parent: int) -> Sequence[TaskRow]:
        """Rows in groups come by creation time, then id, at most so many for each group."""

    async def iterations(self, run_id: str, loop_ids: Sequence[str], *, among: int) -> Sequence[IterationState]:
        """Iterations of loops are counted by state among the first tasks of each loop."""

    async def marks(self, run_id: str, *, names: Sequence[str] | None, among: int) -> Sequence[TaskMark]:
        """Marks of the first tasks of a run come by creation time, then id. Marks can be those of some names and of ROOT."""

    async def details(self, task_ids: Sequence[str], *, characters: int) -> dict[str, TaskDetails]:
        """Details of unknown tasks are left out. Longer inputs are an empty text in details."""

    async def made(self, run_id: str, *, among: int, limit: int) -> Sequence[MadeArtifact]:
        """Artifacts that tasks of a run made come last first, looked for among its newest links.

        Metrics, and what groups repeat, are left out of what a run made.
        """

    async def metadata(self, artifact_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Metadata of artifacts comes unless it is empty or longer than so many characters."""

    async def metadata_with(
        self, artifact_ids: Sequence[str], part: str, *, characters: int, limit: int
    ) -> dict[str, str]:
        """Metadata that contain a text come by the names of artifacts, then id, at most so many of them.

        Metadata that contain it, but are longer than so many characters, are left out.
        """

    async def succeeded(self, run: RunFacts, *, is_before: bool, among: int, limit: int) -> Sequence[EarlierRun]:
        """Successful runs of the same pipeline come nearest first, before or after a run, from its namespace.

        Without a pipeline, successful runs are those of the same experiment without one.
        """
