"""RunService: archiving, deleting, terminating and retrying runs."""

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import run_pb2

from server.apis.kfp.services.answers import empty
from server.calls.call import Call
from server.errors import Aborted, FailedPrecondition, InvalidArgument
from server.rules import checks, run_state
from server.rules.tasks import append_state
from storage.contract import Lock, WriteTx
from storage.model import RunState, StorageState, TaskAttempt, TaskProgress, TaskState

_TERMINABLE = {
    RunState.RUNTIME_STATE_UNSPECIFIED.name,
    RunState.PENDING.name,
    RunState.RUNNING.name,
    RunState.PAUSED.name,
}
_RETRYABLE = {RunState.FAILED.name, RunState.CANCELED.name}
TASKS_AT_ONCE = 10_000  # named in one statement: PostgreSQL takes 32,767 values
_KEPT_ON_RETRY = {TaskState.SUCCEEDED.value, TaskState.CACHED.value, TaskState.SKIPPED.value}


async def archive_run(call: Call, request: run_pb2.ArchiveRunRequest) -> Empty:
    """Archive a run; again is fine."""
    run_id = checks.known_id("run", request.run_id)
    now = call.now()

    async def write(tx: WriteTx) -> None:
        await tx.runs.set_storage_state(run_id, StorageState.ARCHIVED.name, updated_at=now)

    return await call.write(lambda store: store.write(write), empty)


async def unarchive_run(call: Call, request: run_pb2.UnarchiveRunRequest) -> Empty:
    """Make an archived run available, unless its experiment is archived or deleted; doing so again has no effect."""
    run_id = checks.known_id("run", request.run_id)

    async def write(tx: WriteTx) -> None:
        run = await tx.runs.head(run_id)
        # Locked, and before the run as ArchiveExperiment does: it must not archive the experiment and its runs meanwhile.
        experiment = await tx.experiments.lock(run.experiment_id, Lock.SHARE)
        if experiment.storage_state == StorageState.ARCHIVED.name:
            raise FailedPrecondition(f"experiment {experiment.id!r} is archived; unarchive it first")
        await tx.runs.set_storage_state(run_id, StorageState.AVAILABLE.name, updated_at=call.now())

    return await call.write(lambda store: store.write(write), empty)


async def delete_run(call: Call, request: run_pb2.DeleteRunRequest) -> Empty:
    """Delete a run with its tasks and their links; artifacts stay."""
    run_id = checks.known_id("run", request.run_id)

    async def write(tx: WriteTx) -> None:
        # Tasks first, as task writers lock them; deleting the run alone would take them in the opposite order.
        await tx.tasks.lock_of_run(run_id)
        await tx.runs.delete(run_id)

    return await call.write(lambda store: store.write(write), empty)


async def terminate_run(call: Call, request: run_pb2.TerminateRunRequest) -> Empty:
    """Ask for a run to end: it is CANCELING until nothing of it runs any more."""
    run_id = checks.known_id("run", request.run_id)

    async def write(tx: WriteTx) -> None:
        run = await tx.runs.lock(run_id, Lock.UPDATE)
        if run.state not in _TERMINABLE:
            raise InvalidArgument(
                f"run {run_id!r} is {run.state}: only a pending, running or paused run can be terminated"
            )
        await run_state.terminate(tx, run, now=call.now())

    return await call.write(lambda store: store.write(write), empty)


async def retry_run(call: Call, request: run_pb2.RetryRunRequest) -> Empty:
    """Set a failed or canceled run and its unfinished tasks back to RUNNING, in one transaction."""
    run_id = checks.known_id("run", request.run_id)

    async def write(tx: WriteTx) -> None:
        tasks = await tx.tasks.lock_progress(run_id)
        run = await tx.runs.lock(run_id, Lock.UPDATE)
        if run.state not in _RETRYABLE:
            raise Aborted(f"run {run_id!r} is {run.state}: only a failed or canceled run can be retried")
        now = call.now()
        tasks_to_reset = [task for task in tasks if task.state not in _KEPT_ON_RETRY]
        for start in range(0, len(tasks_to_reset), TASKS_AT_ONCE):
            await tx.artifact_tasks.delete_of_tasks([task.id for task in tasks_to_reset[start : start + TASKS_AT_ONCE]])
        await tx.tasks.start_again([_attempt(task, now) for task in tasks_to_reset])
        await run_state.set_state(tx, run, RunState.RUNNING.name, now=now)

    return await call.write(lambda store: store.write(write), empty)


def _attempt(task: TaskProgress, now: int) -> TaskAttempt:
    """Inputs, fingerprint and creation time stay; what the failed attempt left behind goes."""
    return TaskAttempt(
        id=task.id,
        updated_at=now,
        state=TaskState.RUNNING.value,
        state_history=append_state(task.state_history, TaskState.RUNNING.value, now),
        started_at=now,
    )
