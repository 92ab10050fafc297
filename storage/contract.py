"""The Store: what the server may ask of a database, and what it is promised.

Services and the composition root import this module; `storage/sql` fulfils it. Each sentence of a docstring below, but the
first line of a class, is a promise with a test in tests/contract.

Locks are always taken in one order, so that two calls cannot wait for each other: tasks by id, then the run.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

from storage.filters import Order, Predicate
from storage.model import (
    Artifact,
    ArtifactTask,
    ChildTask,
    Experiment,
    LinkedArtifact,
    Run,
    RunHead,
    Task,
    TaskHead,
)
from storage.pages import Cursor

Row = TypeVar("Row")
Answer = TypeVar("Answer")


class Lock(Enum):
    """How a row that is read is held until the transaction ends."""

    NONE = "none"
    SHARE = "share"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Listing:
    """What a list returns: which rows, in which order, from where on."""

    order: Order
    page_size: int
    predicates: tuple[Predicate, ...] = ()
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page: its rows, how many rows the whole list has, and where the next page starts (None on the last)."""

    rows: Sequence[Row]
    total_size: int
    next: Cursor | None


class ExperimentReads(Protocol):
    """Reading experiments."""

    async def get(self, experiment_id: str) -> Experiment:
        """Raises NotFound when no experiment has the id."""

    async def default_id(self) -> str:
        """The default experiment exists from the first upgrade."""


class ExperimentWrites(ExperimentReads, Protocol):
    """Writing experiments."""

    async def ensure_default(self, fallback: Experiment) -> str:
        """A deleted default experiment is made again from the fallback."""

    async def record_run(self, experiment_id: str, created_at: int) -> None:
        """The time of an experiment's last run only moves forward."""


class RunReads(Protocol):
    """Reading runs."""

    async def head(self, run_id: str) -> RunHead:
        """The head of a run is one row and carries no specification. Raises NotFound when no run has the id."""

    async def get(self, run_id: str, *, with_spec: bool) -> Run:
        """A run is read with its specification only when asked for."""

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """A run of a recurring run is found by its display name."""

    async def list(
        self, listing: Listing, *, experiment_id: str | None, namespace: str | None, with_spec: bool
    ) -> Page[Run]:
        """Runs list by creation time, then id."""

    async def task_counts(self, run_ids: Sequence[str]) -> dict[str, int]:
        """Tasks are counted for many runs at once."""

    async def list_stale_canceling(self, *, written_before: int, limit: int) -> Sequence[str]:
        """Canceling runs are stale when neither they nor their tasks were written since."""


class RunWrites(RunReads, Protocol):
    """Writing runs."""

    async def lock(self, run_id: str, lock: Lock) -> RunHead:
        """A run locked for update is written by nobody else until the transaction ends."""

    async def create(self, run: Run) -> None:
        """A used run id raises AlreadyExists. A specification is stored once however many runs share it."""

    async def set_state(
        self, run_id: str, *, state: str, state_history: str, finished_at: int | None, updated_at: int
    ) -> None:
        """State, history and finish time of a run change together."""

    async def set_storage_state(self, run_id: str, storage_state: str, *, updated_at: int) -> None:
        """Archiving a run that is not there raises NotFound."""

    async def delete(self, run_id: str) -> None:
        """Deleting a run deletes its tasks and links but no artifact."""


class TaskReads(Protocol):
    """Reading tasks."""

    async def get(self, task_id: str) -> Task:
        """Raises NotFound when no task has the id."""

    async def heads(self, task_ids: Sequence[str]) -> dict[str, TaskHead]:
        """Heads of unknown tasks are left out."""

    async def list(self, listing: Listing, *, run_id: str, parent_task_id: str | None) -> Page[Task]:
        """Tasks list by creation time, then id. A parent limits the list to its direct children."""

    async def list_of_runs(self, run_ids: Sequence[str]) -> Sequence[Task]:
        """All tasks of runs come by creation time, then id."""

    async def children(self, run_id: str, parent_task_ids: Sequence[str]) -> Sequence[ChildTask]:
        """Children come by creation time, then id."""

    async def find_cached(self, cache_fingerprint: str, namespace: str | None) -> Task | None:
        """The newest task that succeeded with the fingerprint is found. A cached task never matches."""


class TaskWrites(TaskReads, Protocol):
    """Writing tasks."""

    async def lock(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """Tasks locked for update are written by nobody else until the transaction ends."""

    async def lock_of_run(self, run_id: str) -> Sequence[Task]:
        """All tasks of a run can be locked at once."""

    async def create(self, task: Task) -> Task:
        """A task whose logical key is taken returns the existing task unchanged."""

    async def update(self, tasks: Sequence[Task]) -> None:
        """An update writes every field but id, run, creation time and logical key."""

    async def ancestors(self, task_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Ancestors are returned with their runs and parents, the given tasks included."""

    async def has_running_leaf(self, run_id: str) -> bool:
        """A running leaf is a running task without children."""


class ArtifactReads(Protocol):
    """Reading artifacts."""

    async def get(self, artifact_id: str) -> Artifact:
        """Raises NotFound when no artifact has the id."""

    async def namespaces(self, artifact_ids: Sequence[str]) -> dict[str, str]:
        """Namespaces of unknown artifacts are left out."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Artifact]:
        """Artifacts list by creation time, then id."""

    async def find_by_identity(self, namespace: str, identity_key: str) -> Artifact | None:
        """An artifact is found by the identity it was created with."""

    async def find_by_uri(self, namespace: str, uri: str) -> Sequence[Artifact]:
        """Artifacts with a uri come oldest first."""


class ArtifactWrites(ArtifactReads, Protocol):
    """Writing artifacts."""

    async def create(self, artifacts: Sequence[Artifact]) -> None:
        """Artifacts are created all or none."""

    async def create_unique(self, artifact: Artifact) -> Artifact:
        """An artifact whose identity is taken returns the existing artifact."""


class ArtifactTaskReads(Protocol):
    """Reading the links between artifacts and tasks."""

    async def list(
        self,
        listing: Listing,
        *,
        task_ids: Sequence[str],
        run_ids: Sequence[str],
        artifact_ids: Sequence[str],
        type: int | None,
    ) -> Page[ArtifactTask]:
        """Links list by id. Ids of one kind are alternatives, kinds must all match."""

    async def of_tasks(self, task_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Links of tasks come with their artifacts."""

    async def of_runs(self, run_ids: Sequence[str]) -> Sequence[LinkedArtifact]:
        """Links of runs come with their artifacts."""


class ArtifactTaskWrites(ArtifactTaskReads, Protocol):
    """Writing links."""

    async def create(self, links: Sequence[ArtifactTask]) -> Sequence[ArtifactTask]:
        """A link that exists already is returned as it is. Links come back in the order they were given."""

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Links of tasks are deleted without their artifacts."""


class ReadTx(Protocol):
    """One snapshot."""

    @property
    def experiments(self) -> ExperimentReads: ...
    @property
    def runs(self) -> RunReads: ...
    @property
    def tasks(self) -> TaskReads: ...
    @property
    def artifacts(self) -> ArtifactReads: ...
    @property
    def artifact_tasks(self) -> ArtifactTaskReads: ...


class WriteTx(Protocol):
    """One transaction."""

    @property
    def experiments(self) -> ExperimentWrites: ...
    @property
    def runs(self) -> RunWrites: ...
    @property
    def tasks(self) -> TaskWrites: ...
    @property
    def artifacts(self) -> ArtifactWrites: ...
    @property
    def artifact_tasks(self) -> ArtifactTaskWrites: ...


class Store(Protocol):
    """A database that keeps Lineal's tables."""

    async def read(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """Everything read by one callback belongs to one snapshot."""

    async def read_one(self, fn: Callable[[ReadTx], Awaitable[Answer]]) -> Answer:
        """A read of a single statement needs no transaction."""

    async def write(self, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
        """A callback that raises leaves nothing behind. A callback that meets a deadlock runs again.

        A broken COMMIT raises OutcomeUnknown.
        """

    async def ready(self) -> None:
        """Raises Unavailable when the database does not answer."""

    async def page_token_key(self) -> bytes:
        """Every server of a fleet gets the same page token key."""

    async def close(self) -> None:
        """Closing twice is harmless."""
