"""Logical keys, by which a repeated CreateTask finds its row, even an imported one. `kfp_v2` calls this.

Names and types are those that a driver would send only if there is a pipeline spec. A key must be unique, so tasks that
share one get none.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from storage.digests import logical_key
from storage.documents.tasks import TypeAttributes
from storage.model import Task


def with_logical_keys(tasks: Sequence[Task]) -> list[Task]:
    """Return the tasks of a run, each with its key unless another has the same."""
    keys = [_logical_key(task) for task in tasks]
    times = Counter(keys)
    return [replace(task, logical_key=key if times[key] == 1 else None) for task, key in zip(tasks, keys, strict=True)]


def _logical_key(task: Task) -> str | None:
    attributes = TypeAttributes.from_text(task.type_attributes)
    return logical_key(
        run_id=task.run_id,
        parent_task_id=task.parent_task_id,
        scope_path=task.scope_path,
        name=task.name,
        type=task.type,
        iteration_index=attributes.iteration_index if attributes else None,
    )
