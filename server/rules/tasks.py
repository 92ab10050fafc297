"""How a task is made and how an update is merged into it, by the rules of CreateTask and UpdateTask."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from server.rules import checks
from server.rules.field_limits import MAX_BYTES, MAX_CHARACTERS
from server.rules.unusable import column, optional_column
from storage.digests import logical_key
from storage.documents import histories, parameters
from storage.documents.enums import TASK_STATES
from storage.documents.histories import HistoryEntry
from storage.documents.parameters import Parameter
from storage.documents.tasks import Pod, StatusMetadata, TypeAttributes, pods_to_text
from storage.model import Task, TaskState
from storage.record import record

_KEY_CHARACTERS = MAX_CHARACTERS["PipelineTask.InputOutputs.IOParameter.parameter_key"]
_GOOD_ENDS = (TaskState.SUCCEEDED, TaskState.CACHED)
_HISTORY = "task.state_history"
_INPUTS = "task.inputs.parameters"
_OUTPUTS = "task.outputs.parameters"


class TaskTexts(NamedTuple):
    """The ids that a task of a request repeats, and its texts of limited length, keys of parameters included.

    They are checked before the rest is read.
    """

    task_id: str = ""
    run_id: str = ""
    name: str = ""
    display_name: str = ""
    cache_fingerprint: str = ""
    scope_path: str = ""
    input_keys: Sequence[str] = ()
    output_keys: Sequence[str] = ()

    def check_ids(self, *, run_id: str, task_id: str | None = None) -> None:
        """Raise InvalidArgument when the ids differ from those the task is sent with; a new task is sent without its own."""
        checks.require(task_id is None or self.task_id in ("", task_id), "task.task_id differs from task_id")
        checks.require(self.run_id in ("", run_id), "task.run_id differs from run_id")

    def check(self) -> None:
        """Raise InvalidArgument for a text that is longer than what is stored."""
        checks.max_characters("task.name", self.name, MAX_CHARACTERS["PipelineTask.name"])
        checks.max_characters("task.display_name", self.display_name, MAX_CHARACTERS["PipelineTask.display_name"])
        checks.max_characters(
            "task.cache_fingerprint", self.cache_fingerprint, MAX_CHARACTERS["PipelineTask.cache_fingerprint"]
        )
        checks.max_bytes("task.scope_path", self.scope_path, MAX_BYTES["PipelineTask.scope_path"])
        for key in self.input_keys:
            checks.max_characters("task.inputs.parameters.parameter_key", key, _KEY_CHARACTERS)
        for key in self.output_keys:
            checks.max_characters("task.outputs.parameters.parameter_key", key, _KEY_CHARACTERS)


@record
class TaskUpdate:
    """What a client sends of a task; what is empty, 0 or None was not sent.

    `parent_task_id` is "" when the task is sent as one without parent. Times are microseconds.
    """

    name: str = ""
    display_name: str = ""
    cache_fingerprint: str = ""
    scope_path: str = ""
    parent_task_id: str | None = None
    type: int = 0
    state: int = 0
    created_at: int | None = None
    finished_at: int | None = None
    pods: Sequence[Pod] = ()
    status_metadata: StatusMetadata | None = None
    type_attributes: TypeAttributes | None = None
    state_history: Sequence[HistoryEntry] = ()
    input_parameters: Sequence[Parameter] = ()
    output_parameters: Sequence[Parameter] = ()


def new_task(new: TaskUpdate, *, task_id: str, run_id: str, namespace: str, now: int) -> Task:
    """Return the record of a new task, its present state at the end of its history.

    A task that brings the time of its creation has no started_at. Raises UnusableValue for a value that cannot be stored.
    """
    parent_task_id = new.parent_task_id or None
    history = list(new.state_history)
    if new.state and not (history and history[-1].state == new.state):
        before = history[-1].update_time if history else None
        history.append(HistoryEntry(new.state, now if before is None else max(now, before)))
    attributes = new.type_attributes
    return Task(
        id=task_id,
        run_id=run_id,
        namespace=namespace,
        created_at=now if new.created_at is None else new.created_at,
        updated_at=now,
        started_at=now if new.created_at is None else None,
        finished_at=new.finished_at,
        parent_task_id=parent_task_id,
        name=new.name,
        display_name=new.display_name,
        type=new.type,
        state=new.state,
        cache_fingerprint=new.cache_fingerprint,
        scope_path=new.scope_path,
        logical_key=logical_key(
            run_id=run_id,
            parent_task_id=parent_task_id,
            scope_path=new.scope_path,
            name=new.name,
            type=new.type,
            iteration_index=attributes.iteration_index if attributes else None,
        ),
        pods=_pods(new),
        status_metadata=_status_metadata(new),
        state_history=column(histories.to_text(history, TASK_STATES), _HISTORY) if history else None,
        type_attributes=_type_attributes(new),
        input_parameters=_merged(None, new.input_parameters, _INPUTS, replaces=False),
        output_parameters=_merged(None, new.output_parameters, _OUTPUTS, replaces=False),
    )


def merge_task(task: Task, update: TaskUpdate, now: int) -> Task:
    """Return the record after an update: what was not sent stays, parameters are merged, the history grows.

    Raises UnusableValue for a value that cannot be stored.
    """
    history = append_state(task.state_history, update.state, now)
    return replace(
        task,
        # Strictly later: whoever compares it with what was read before sees that the task has changed.
        updated_at=max(now, task.updated_at + 1),
        name=update.name or task.name,
        display_name=update.display_name or task.display_name,
        cache_fingerprint=update.cache_fingerprint or task.cache_fingerprint,
        parent_task_id=task.parent_task_id if update.parent_task_id is None else update.parent_task_id or None,
        state=update.state or task.state,
        state_history=history,
        type=update.type or task.type,
        finished_at=task.finished_at if update.finished_at is None else update.finished_at,
        pods=_pods(update) or task.pods,
        status_metadata=_status_after(task, update),
        type_attributes=_type_attributes(update) or task.type_attributes,
        input_parameters=_merged(task.input_parameters, update.input_parameters, _INPUTS),
        output_parameters=_merged(task.output_parameters, update.output_parameters, _OUTPUTS),
    )


def append_state(history: str | None, state: int, now: int) -> str | None:
    """Return a task's stored history with {now, state} at its end, unless the state is 0 or that of the last entry."""
    longer = histories.append(history, HistoryEntry(state, now), states=TASK_STATES)
    return history if longer is history else optional_column(longer, _HISTORY)


def _pods(update: TaskUpdate) -> str | None:
    return optional_column(pods_to_text(update.pods), "task.pods") if update.pods else None


def _status_metadata(update: TaskUpdate) -> str | None:
    metadata = update.status_metadata
    return None if metadata is None else column(metadata.to_text(), "task.status_metadata")


def _status_after(task: Task, update: TaskUpdate) -> str | None:
    """Return what an update leaves of why a task is in its state: of one that failed before and succeeds now, not the message."""
    sent = _status_metadata(update)
    becomes_good = update.state in _GOOD_ENDS and update.state != task.state
    if sent is not None or task.status_metadata is None or not becomes_good:
        return sent or task.status_metadata
    if not any(entry.state == TaskState.FAILED for entry in histories.from_text(task.state_history, TASK_STATES)):
        return task.status_metadata
    kept = StatusMetadata.from_text(task.status_metadata)
    return replace(kept, message="").to_text() if kept is not None and kept.custom_properties else None


def _type_attributes(update: TaskUpdate) -> str | None:
    return None if update.type_attributes is None else update.type_attributes.to_text()


def _merged(text: str | None, update: Sequence[Parameter], field: str, *, replaces: bool = True) -> str | None:
    if not update:
        return text
    return optional_column(parameters.merge(text, update) if replaces else parameters.to_text(update), field)
