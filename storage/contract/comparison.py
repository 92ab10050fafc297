"""The contract of the comparison of runs: many runs at a time, and how much there is of each before it is read."""

from collections.abc import Sequence
from typing import Protocol

from storage.comparison import ComparedLink, RootTask, TaskPlace


class ComparisonReads(Protocol):
    """Reading what runs are compared by."""

    async def settings_sizes(self, run_ids: Sequence[str]) -> dict[str, int]:
        """What runs were started with is so many characters long, 0 if it is nothing."""

    async def settings(self, run_ids: Sequence[str]) -> dict[str, str | None]:
        """Runs come with what they were started with."""

    async def root_tasks(self, run_ids: Sequence[str]) -> Sequence[RootTask]:
        """Root tasks of runs are among their first tasks without a parent."""

    async def inputs_of_tasks(self, task_ids: Sequence[str]) -> dict[str, str | None]:
        """Tasks come with their input parameters."""

    async def count_links(self, run_ids: Sequence[str], *, limit: int) -> dict[str, int]:
        """Links are counted for many runs at once, so many of each at most."""

    async def links(self, run_ids: Sequence[str], *, only_metrics: bool) -> Sequence[ComparedLink]:
        """Links of runs come by id with their tasks and artifacts. Links to metrics that tasks made can be read alone."""

    async def places(self, task_ids: Sequence[str]) -> Sequence[TaskPlace]:
        """Tasks come with their parents and iterations."""
