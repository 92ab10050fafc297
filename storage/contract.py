"""The Store: what the server may ask of a database, and what it is promised.

Services and the composition root import this module; `storage/sql` fulfils it. Each sentence of a docstring below, but the
first line of a class, is a promise with a test in tests/contract.

Locks are always taken in one order, so that two calls cannot wait for each other: tasks by id, then the run.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
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
    Pipeline,
    PipelineVersion,
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
    """What a list returns: which rows, in which order, from where on.

    Rows of equal sort value list by id, in the same direction. Text lists by its bytes. Long text lists by its first 255
    characters. NULL lists before every value. A row must meet every predicate.
    """

    order: Order
    page_size: int
    predicates: tuple[Predicate, ...] = ()
    after: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a list: its rows, the size of the list, and where the next page starts.

    The total counts every row of the list, whatever the page. The last page has no next.
    """

    rows: Sequence[Row]
    total_size: int
    next: Cursor | None


class ExperimentReads(Protocol):
    """Reading experiments."""

    async def get(self, experiment_id: str) -> Experiment:
        """Raises NotFound when no experiment has the id."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Experiment]:
        """Experiments list by creation time, then id."""

    async def default_id(self) -> str:
        """The default experiment exists from the first upgrade. Raises NotFound once the default experiment is deleted."""


class ExperimentWrites(ExperimentReads, Protocol):
    """Writing experiments."""

    async def ensure_default(self, fallback: Experiment) -> str:
        """A deleted default experiment is made again from the fallback.

        An experiment that bears the fallback's name becomes the default.
        """

    async def record_run(self, experiment_id: str, created_at: int) -> None:
        """The time of an experiment's last run only moves forward."""

    async def create(self, experiment: Experiment) -> None:
        """A taken experiment name raises AlreadyExists."""

    async def set_storage_state(self, experiment_id: str, storage_state: str) -> None:
        """Archiving an experiment that is not there raises NotFound."""

    async def delete(self, experiment_id: str) -> None:
        """Deleting an experiment keeps its runs."""


class PipelineReads(Protocol):
    """Reading pipelines."""

    async def get(self, pipeline_id: str) -> Pipeline:
        """A pipeline comes with its tags. Raises NotFound when no pipeline has the id."""

    async def get_by_name(self, name: str, namespace: str) -> Pipeline:
        """Raises NotFound when no pipeline has the name."""

    async def list(self, listing: Listing, *, namespace: str | None) -> Page[Pipeline]:
        """Pipelines list by creation time, then id. Pipelines can be filtered by their tags."""


class PipelineWrites(PipelineReads, Protocol):
    """Writing pipelines."""

    async def create(self, pipeline: Pipeline) -> None:
        """A taken pipeline name raises AlreadyExists."""

    async def update(self, pipeline_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Tags that are given replace all tags of a pipeline."""

    async def delete(self, pipeline_id: str, *, with_versions: bool) -> None:
        """Deleting a pipeline that has versions raises InUse unless they go with it."""


class PipelineVersionReads(Protocol):
    """Reading pipeline versions."""

    async def get(self, version_id: str) -> PipelineVersion:
        """A version comes with its specification and tags. Raises NotFound when no version has the id."""

    async def find_latest(self, pipeline_id: str) -> PipelineVersion | None:
        """The latest version is the one made last."""

    async def list(self, listing: Listing, *, pipeline_id: str) -> Page[PipelineVersion]:
        """Versions list by creation time, then id. Versions can be filtered by their tags."""


class PipelineVersionWrites(PipelineVersionReads, Protocol):
    """Writing pipeline versions."""

    async def create(self, version: PipelineVersion) -> None:
        """A version name that the pipeline has already raises AlreadyExists."""

    async def update(self, version_id: str, *, display_name: str | None, tags: Mapping[str, str] | None) -> None:
        """Tags that are given replace all tags of a version."""

    async def delete(self, version_id: str, *, pipeline_id: str) -> None:
        """Deleting a version of another pipeline raises NotFound."""


class RunReads(Protocol):
    """Reading runs."""

    async def head(self, run_id: str) -> RunHead:
        """The head of a run is read without its specification. Raises NotFound when no run has the id."""

    async def get(self, run_id: str, *, with_spec: bool) -> Run:
        """A run is read with its specification only when asked for. Getting an unknown run raises NotFound."""

    async def find_recurring(self, recurring_run_id: str, display_name: str) -> Run | None:
        """A run of a recurring run is found by its display name. An empty recurring run id finds nothing."""

    async def list(
        self, listing: Listing, *, experiment_id: str | None, namespace: str | None, with_spec: bool
    ) -> Page[Run]:
        """Runs list by creation time, then id. An experiment and a namespace limit the list of runs."""

    async def task_counts(self, run_ids: Sequence[str]) -> dict[str, int]:
        """Tasks are counted for many runs at once. Runs without tasks are left out of the count."""

    async def list_stale_canceling(self, *, written_before: int, limit: int) -> Sequence[str]:
        """Canceling runs are stale when neither they nor their tasks were written since. The stalest runs come first."""


class RunWrites(RunReads, Protocol):
    """Writing runs."""

    async def lock(self, run_id: str, lock: Lock) -> RunHead:
        """A run locked for update is written by nobody else until the transaction ends.

        A run locked for sharing is written by nobody else until the transaction ends. Locking an unknown run raises NotFound.
        """

    async def create(self, run: Run) -> None:
        """A used run id raises AlreadyExists. A specification is stored once however many runs share it."""

    async def set_state(
        self, run_id: str, *, state: str, state_history: str, finished_at: int | None, updated_at: int
    ) -> None:
        """State, history and finish time of a run change together."""

    async def set_storage_state(self, run_id: str, storage_state: str, *, updated_at: int) -> None:
        """Archiving a run that is not there raises NotFound."""

    async def archive_of_experiment(self, experiment_id: str, *, updated_at: int) -> None:
        """All runs of an experiment are archived at once."""

    async def delete(self, run_id: str) -> None:
        """Deleting a run deletes its tasks and links but no artifact. Deleting an unknown run raises NotFound."""


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
        """The newest task that succeeded with the fingerprint is found. A cached task never matches.

        A namespace limits where a cached result is looked for. An empty fingerprint finds nothing.
        """


class TaskWrites(TaskReads, Protocol):
    """Writing tasks."""

    async def lock(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """Tasks locked for update are written by nobody else until the transaction ends. Unknown tasks are not locked."""

    async def lock_of_run(self, run_id: str) -> Sequence[Task]:
        """All tasks of a run can be locked at once."""

    async def create(self, task: Task) -> Task:
        """A task whose logical key is taken returns the existing task unchanged. A task of an unknown run raises Conflict."""

    async def update(self, tasks: Sequence[Task]) -> None:
        """An update writes every field but id, run, creation time and logical key."""

    async def ancestors(self, task_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Ancestors are returned with their runs and parents, the given tasks included. A cycle of parents comes to an end."""

    async def has_running_leaf(self, run_id: str) -> bool:
        """A running leaf is a running task without children."""


class ArtifactReads(Protocol):
    """Reading artifacts."""

    async def get(self, artifact_id: str) -> Artifact:
        """Raises NotFound when no artifact has the id."""

    async def namespaces(self, artifact_ids: Sequence[str]) -> dict[str, str]:
        """Namespaces of unknown artifacts are left out."""

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
        """A link that exists already is returned as it is. Links come back in the order they were given.

        A link to a task or an artifact that is not there raises Conflict.
        """

    async def delete_of_tasks(self, task_ids: Sequence[str]) -> None:
        """Links of tasks are deleted without their artifacts."""


class ReadTx(Protocol):
    """One snapshot."""

    @property
    def experiments(self) -> ExperimentReads: ...
    @property
    def pipelines(self) -> PipelineReads: ...
    @property
    def pipeline_versions(self) -> PipelineVersionReads: ...
    @property
    def runs(self) -> RunReads: ...
    @property
    def tasks(self) -> TaskReads: ...
    @property
    def artifacts(self) -> ArtifactReads: ...
    @property
    def artifact_tasks(self) -> ArtifactTaskReads: ...


class WriteTx(Protocol):
    """One transaction.

    Writing no rows is harmless.
    """

    @property
    def experiments(self) -> ExperimentWrites: ...
    @property
    def pipelines(self) -> PipelineWrites: ...
    @property
    def pipeline_versions(self) -> PipelineVersionWrites: ...
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
        """A single statement reads the same with and without a snapshot."""

    async def write(self, fn: Callable[[WriteTx], Awaitable[Answer]]) -> Answer:
        """A callback that raises leaves nothing behind. A callback that is cancelled leaves nothing behind.

        A callback that meets a deadlock runs again. A callback whose connection breaks runs again. A callback that meets a
        row taken or deleted by another runs again. A key that stays taken raises Conflict. A broken COMMIT raises OutcomeUnknown.
        A value that the database cannot hold raises ValueRefused. A write without a database raises Unavailable.
        """

    async def ready(self) -> None:
        """Raises Unavailable when the database does not answer. A frozen database is given up within two seconds."""

    async def page_token_key(self) -> bytes:
        """Every server of a fleet gets the same page token key."""

    async def close(self) -> None:
        """Closing twice is harmless."""
