"""The contract of what is summed up of runs: many runs at a time, and of each no more than is asked for."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Page
from storage.overview import FailedTask, LastWrites, RunMetric, RunRow, StateCount


class OverviewReads(Protocol):
    """Reading what lists of runs show. Ids must be ids that the store gave, or texts that can be ids."""

    async def list_runs(self, listing: Listing, *, experiment_id: str | None, namespace: str | None) -> Page[RunRow]:
        """Runs without what can be long list as runs do. An experiment and a namespace limit that list as well."""

    async def count_by_state(self, *, namespace: str | None, among: int) -> Sequence[StateCount]:
        """The newest runs in each state are counted, archived or not.

        A namespace limits which runs are counted. States without runs are left out of the counts.
        """

    async def count_ended(
        self, state: str, *, created_since: int, ended_since: int, namespace: str | None, among: int
    ) -> StateCount:
        """Runs in a state that ended since a time are counted among the newest, without archived ones.

        A namespace limits which ended runs are counted.
        """

    async def list_unchanged(
        self, state: str, *, before: int, namespace: str | None, among: int, limit: int
    ) -> Sequence[RunRow]:
        """Runs in a state that have not changed since a time come newest first, without archived ones.

        A namespace limits which unchanged runs come.
        """

    async def last_writes(self, run_ids: Sequence[str], *, tasks: int) -> dict[str, LastWrites]:
        """The last writes of many runs are those of their newest tasks and of their last link."""

    async def failed_tasks(self, run_ids: Sequence[str], *, newest: bool, among: int) -> dict[str, FailedTask]:
        """The failed task of a run is the first that ended, of those that do something themselves if there are any.

        It is looked for among the newest or the oldest tasks of each run. What a failed task said is cut.
        """

    async def metrics(self, run_ids: Sequence[str], *, per_run: int, among: int) -> Sequence[RunMetric]:
        """Metrics of many runs come by run and name, at most so many for each run.

        Of each name there is the metric that was recorded last. They are looked for among the newest links of each run. Only
        metrics that tasks made, and that have a number, are metrics of a run.
        """

    async def runtime_configs(self, run_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Runs come with their runtime configuration unless it is longer than so many characters."""

    async def root_inputs(self, run_ids: Sequence[str], *, characters: int) -> dict[str, str]:
        """Runs come with the inputs of their ROOT task unless they are longer than so many characters."""

    async def experiment_names(self, experiment_ids: Sequence[str]) -> dict[str, str]:
        """Names of unknown experiments are left out."""

    async def pipeline_names(self, pipeline_ids: Sequence[str]) -> dict[str, str]:
        """Pipelines are called by their display name, otherwise by their name."""

    async def version_names(self, version_ids: Sequence[str]) -> dict[str, str]:
        """Pipeline versions are called by their display name, otherwise by their name."""
