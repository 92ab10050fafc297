"""Failures that other processes have recorded in a run: those of subprocesses that joined it, and of forked ones.

A process sees how the tasks end that it has begun itself. Before a run ends, the server is asked for the others, and tasks in which one
of them FAILED are FAILED too, up to ROOT.
"""

from lineal._recorder import failures
from lineal._recorder.nodes import FAILED
from lineal._recorder.record import Record
from lineal.errors import LinealError
from lineal.v2beta1.task_pb2 import PipelineTask

_FAILED = PipelineTask.TaskState.Value(FAILED)


def take_failures(record: Record) -> None:
    """Let the tasks around those that FAILED be FAILED too. Without a server, nothing is known and nothing happens."""
    root = record.root
    assert root is not None
    try:
        failed = {task.task_id: task for task in record.connection.server.failed_tasks(record.run_id)}
        for task in list(failed.values()):
            _take(record, task, failed)
    except LinealError:
        return  # a run that is recorded is worth more than one that is recorded to the last state


def _take(record: Record, task: PipelineTask, failed: dict[str, PipelineTask]) -> None:
    root = record.root
    assert root is not None
    while task.parent_task_id and task.parent_task_id not in failed and task.task_id != root.id:
        iteration = task.type_attributes.iteration_index if task.type_attributes.HasField("iteration_index") else None
        message = failures.of_child(task.name, iteration, task.status_metadata.message)
        if task.parent_task_id == root.id:
            root.take_failure(message)
            return
        parent = record.connection.server.task(record.run_id, task.parent_task_id)
        if parent is None or parent.state != PipelineTask.TaskState.Value("SUCCEEDED"):
            return  # it is open: how it ends is for whoever ends it
        record.recording.update_task(
            record.run_id, parent.task_id, {"state": FAILED, "status_metadata": {"message": message}}
        )
        parent.status_metadata.message = message
        failed[parent.task_id] = task = parent
