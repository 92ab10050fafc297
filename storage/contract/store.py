"""The contract of the database as a whole: snapshots, transactions, readiness."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from storage.contract.artifact_report import ArtifactReportReads
from storage.contract.artifact_tasks import ArtifactTaskReads, ArtifactTaskWrites
from storage.contract.artifacts import ArtifactReads, ArtifactWrites
from storage.contract.comparison import ComparisonReads
from storage.contract.experiments import ExperimentReads, ExperimentWrites
from storage.contract.idempotency_keys import IdempotencyKeyReads, IdempotencyKeyWrites
from storage.contract.lineage import LineageReads
from storage.contract.overview import OverviewReads
from storage.contract.pipelines import PipelineReads, PipelineVersionReads, PipelineVersionWrites, PipelineWrites
from storage.contract.row_ids import RowIdReads
from storage.contract.run_report import RunReportReads
from storage.contract.runs import RunReads, RunWrites
from storage.contract.search import SearchReads
from storage.contract.tasks import TaskReads, TaskWrites

Answer = TypeVar("Answer")


class ReadTx(Protocol):
    """One snapshot."""

    @property
    def experiments(self) -> ExperimentReads:
        """Experiments."""

    @property
    def pipelines(self) -> PipelineReads:
        """Pipelines."""

    @property
    def pipeline_versions(self) -> PipelineVersionReads:
        """Versions of pipelines."""

    @property
    def runs(self) -> RunReads:
        """Runs."""

    @property
    def tasks(self) -> TaskReads:
        """Tasks."""

    @property
    def artifacts(self) -> ArtifactReads:
        """Artifacts."""

    @property
    def artifact_tasks(self) -> ArtifactTaskReads:
        """Links between artifacts and tasks."""

    @property
    def idempotency_keys(self) -> IdempotencyKeyReads:
        """Idempotency keys."""

    @property
    def row_ids(self) -> RowIdReads:
        """Ids of rows of any kind."""

    @property
    def lineage(self) -> LineageReads:
        """Links across runs."""

    @property
    def search(self) -> SearchReads:
        """What a search looks through."""

    @property
    def comparison(self) -> ComparisonReads:
        """What runs are compared by."""

    @property
    def overview(self) -> OverviewReads:
        """What is summed up of runs."""

    @property
    def run_report(self) -> RunReportReads:
        """What a page about one run shows."""

    @property
    def artifact_report(self) -> ArtifactReportReads:
        """What made one artifact."""


class WriteTx(Protocol):
    """One transaction.

    Writing no rows is harmless.
    """

    @property
    def experiments(self) -> ExperimentWrites:
        """Experiments."""

    @property
    def pipelines(self) -> PipelineWrites:
        """Pipelines."""

    @property
    def pipeline_versions(self) -> PipelineVersionWrites:
        """Versions of pipelines."""

    @property
    def runs(self) -> RunWrites:
        """Runs."""

    @property
    def tasks(self) -> TaskWrites:
        """Tasks."""

    @property
    def artifacts(self) -> ArtifactWrites:
        """Artifacts."""

    @property
    def artifact_tasks(self) -> ArtifactTaskWrites:
        """Links between artifacts and tasks."""

    @property
    def idempotency_keys(self) -> IdempotencyKeyWrites:
        """Idempotency keys."""

    @property
    def row_ids(self) -> RowIdReads:
        """Ids of rows of any kind."""

    @property
    def lineage(self) -> LineageReads:
        """Links across runs."""

    @property
    def overview(self) -> OverviewReads:
        """What is summed up of runs."""

    @property
    def run_report(self) -> RunReportReads:
        """What a page about one run shows."""

    @property
    def artifact_report(self) -> ArtifactReportReads:
        """What made one artifact."""

    @property
    def search(self) -> SearchReads:
        """What a search looks through."""

    @property
    def comparison(self) -> ComparisonReads:
        """What runs are compared by."""


class Store(Protocol):
    """A database with Lineal's tables."""

    # Deadlines are monotonic times: `time.monotonic()`, in seconds. None is for a caller that does not say how long it waits.

    async def read(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """Everything read by one callback belongs to one snapshot."""

    async def read_one(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """A single statement reads the same with and without a snapshot."""

    # With `is_one` the callback executes a single statement.
    async def read_by_key(self, fn: Callable[[ReadTx], Awaitable[Answer]], *, is_one: bool = False) -> Answer:
        """What is read by key belongs to one snapshot. A read by key returns what any other read returns."""

    async def write(self, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
        """A callback that raises leaves nothing behind. A callback that is cancelled leaves nothing behind.

        A callback that meets a deadlock runs again. A callback whose connection breaks runs again. A callback that meets a
        row taken or deleted by another runs again. A key that stays taken raises Conflict. A broken COMMIT raises OutcomeUnknown.
        A COMMIT comes to its end though its caller leaves. A deadline that passes during COMMIT raises OutcomeUnknown.
        A value that the database cannot hold raises ValueRefused. A write without a database raises Unavailable.
        A write to a database that is read-only runs again until its deadline.
        """

    @property
    def writes_at_once(self) -> bool:
        """Whether a statement that is a transaction by itself saves anything. If not, nothing is written at once."""

    # The callback calls one of the methods whose names end in `_at_once`, and returns what it returned. With False nothing has
    # happened, and the same is to be done by `write`.
    async def write_at_once(self, fn: Callable[[WriteTx], Awaitable[bool]]) -> bool:
        """A write at once that breaks raises OutcomeUnknown. A deadline that passes during a write at once raises OutcomeUnknown.

        A write at once comes to its end though its caller leaves. A write at once without a database raises Unavailable.
        """

    def until(self, deadline: float | None) -> "Store":
        """A write that never gets through ends with its caller's deadline. A call waits for a connection until its deadline.
        Calls get connections in the order in which they came.

        A view of a store shares its connections. A view without a deadline is the store itself.
        """

    async def ready(self) -> None:
        """Raises Unavailable when the database does not answer. A frozen database is given up on within two seconds.

        A database that takes no writes is not ready.
        """

    async def page_token_key(self) -> bytes:
        """Every server of a fleet gets the same page token key."""

    async def close(self) -> None:
        """Closing twice is harmless."""
