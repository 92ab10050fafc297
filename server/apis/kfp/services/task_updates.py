"""Updates of tasks: small ones are merged in the transaction that writes them, large ones before it, in a helper process.

UpdateTask and UpdateTasksBulk use this.
"""

from collections.abc import Callable, Mapping

from lineal.v2beta1 import run_pb2

from server.apis.kfp import codec
from server.calls.apart import APART_BYTES, apart
from server.errors import Aborted
from server.rules.linked_tasks import LinkedTasks
from server.rules.task_writes import LargeTask, LargeTasks, update_tasks
from server.rules.tasks import TaskUpdate, merge_task
from storage.contract import Store
from storage.model import Task

ATTEMPTS_MAX = 20
"""How often a large update is merged anew because another caller changed its task meanwhile."""


class TaskUpdates:
    """Updates by the id of their task. Each is read, then all are written; `is_linked`: returned with artifacts and children.

    `now` is the clock.
    """

    def __init__(
        self, messages: Mapping[str, run_pb2.PipelineTask], *, is_linked: bool, now: Callable[[], int]
    ) -> None:
        self._messages, self._is_linked, self._now = messages, is_linked, now
        self._updates: dict[str, TaskUpdate | None] = {}
        self._merged: dict[str, tuple[Task, Task]] = {}

    def read(self, task_id: str, *, is_large: bool) -> None:
        """Read the update of a task, unless it is large. Raises UnusableValue for a value that cannot be stored."""
        self._updates[task_id] = None if is_large else codec.task_update(self._messages[task_id])

    async def write(self, store: Store, run_id: str) -> LinkedTasks:
        """Write all updates that were read, or none. Raises as `update_tasks`, UnusableValue, and Aborted."""
        for _ in range(ATTEMPTS_MAX):
            try:
                return await update_tasks(
                    store, run_id, list(self._updates), self._merge, is_linked=self._is_linked, now=self._now
                )
            except LargeTasks as error:
                large_tasks = error.tasks
            for task in large_tasks:
                self._merged[task.id] = task, await apart(_merge, task, self._messages[task.id], self._now())
        raise Aborted("others kept changing the task; try again", reason="CONFLICT")

    def _merge(self, task: Task, now: int) -> Task:
        update = self._updates[task.id]
        if update is not None and _merged_characters(task, update) <= APART_BYTES:
            return merge_task(task, update, now)
        before, after = self._merged.get(task.id, (None, None))
        if after is None or before != task:
            raise LargeTask
        return after


def _merged_characters(task: Task, update: TaskUpdate) -> int:
    """Return how much stored text is parsed to merge an update."""
    return len((update.input_parameters and task.input_parameters) or "") + len(
        (update.output_parameters and task.output_parameters) or ""
    )


def _merge(task: Task, message: run_pb2.PipelineTask, now: int) -> Task:
    return merge_task(task, codec.task_update(message), now)
