"""The contract of tasks."""

from collections.abc import Sequence
from typing import Protocol

from storage.contract.listing import Listing, Page
from storage.model import (
    ChildTask,
    CommonEnd,
    LinkedArtifact,
    RunningTask,
    Task,
    TaskAttempt,
    TaskEnd,
    TaskHead,
    TaskOutline,
    TaskProgress,
)


class TaskReads(Protocol):
    """Reading tasks."""

    async def get(self, task_id: str) -> Task:
        """Raises RowNotFound when no task has the id."""

    async def linked(self, task_id: str, run_id: str) -> tuple[Task, Sequence[LinkedArtifact], Sequence[ChildTask]]:
        """One statement reads a task with its links and its children. Children of a linked task come by creation time, then id.

        A linked task has no children in other runs than its own. An unknown task is not linked.
        """

    async def heads(self, task_ids: Sequence[str]) -> dict[str, TaskHead]:
        """Heads of unknown tasks are left out. Texts that cannot be ids have no heads and cost no statement."""

    async def list(self, listing: Listing, *, run_id: str, parent_task_id: str | None) -> Page[Task]:
        """Tasks list by creation time, then id. A parent limits the list to its direct children.

        A run whose id cannot be one has no tasks and costs no statement.
        """

    async def list_of_runs(self, run_ids: Sequence[str], *, rows_max: int | None = None) -> Sequence[Task]:
        """All tasks of runs come by creation time, then id. More tasks than wanted raise TooManyRows."""

    async def outlines(self, run_id: str, *, limit: int, parameter_characters: int) -> Sequence[TaskOutline]:
        """Outlines of the first tasks of a run come by creation time, then id. Longer parameters are left out of outlines."""

    async def children(self, run_id: str, parent_task_ids: Sequence[str]) -> Sequence[ChildTask]:
        """Children come by creation time, then id."""

    async def has_running_leaf(self, run_id: str) -> bool:
        """A running leaf is a running task without children."""

    async def running(self, run_id: str) -> Sequence[RunningTask]:
        """The running tasks of a run come by id."""

    async def find_cached(self, cache_fingerprint: str, namespace: str | None) -> Task | None:
        """The newest task that succeeded with the fingerprint is found. A cached task never matches.

        A namespace limits where a cached result is looked for. An empty fingerprint finds nothing.
        """


class TaskWrites(TaskReads, Protocol):
    """Writing tasks."""

    # Whole tasks: updates are merged into them, and reading them after the lock would take another statement.
    async def lock(self, task_ids: Sequence[str]) -> dict[str, Task]:
        """Tasks locked for update are not written by others until the transaction ends. Unknown tasks are not locked.

        Texts that cannot be ids lock nothing and cost no statement.
        """

    async def lock_of_run(self, run_id: str) -> None:
        """All tasks of a run can be locked at once."""

    async def lock_progress(self, run_id: str) -> Sequence[TaskProgress]:
        """All tasks of a run can be locked to see their progress."""

    async def create(self, task: Task) -> Task:
        """Creating a task whose logical key is taken returns the existing task unchanged. A task of an unknown run raises Conflict."""

    async def create_at_once(self, task: Task) -> bool:
        """A task is created at once in a run of its namespace that is not being canceled, under a parent of that run.

        Nothing is created at once under a key that is taken. Nothing is created at once in a run that is locked.
        """

    async def update_at_once(self, before: Task, after: Task) -> bool:
        """A task that is as it was read is updated at once. A task that has changed is not updated at once.

        A task that is locked is not updated at once. A task of a run that is locked or canceled is not updated at once.
        """

    # A change is the task that was read, and the task to write.
    async def update(self, changes: Sequence[tuple[Task, Task]]) -> None:
        """An update writes every field but id, run, creation time and logical key. A field that did not change is not written."""

    async def start_again(self, attempts: Sequence[TaskAttempt]) -> None:
        """A task that is started again keeps what its new attempt does not set."""

    async def end(self, ends: Sequence[TaskEnd]) -> None:
        """A task that is ended keeps what its end does not set."""

    async def end_running(self, run_id: str, end: CommonEnd) -> None:
        """All running tasks of a run end at once. Each task that ends so gets an entry at the end of its history."""

    async def ancestors(self, task_ids: Sequence[str]) -> dict[str, tuple[str, str | None]]:
        """Ancestors are returned with their runs and parents, the given tasks included. A cycle of parents comes to an end.

        Texts that cannot be ids have no ancestors and cost no statement.
        """
