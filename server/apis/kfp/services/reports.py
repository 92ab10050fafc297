"""ReportService: reports of a workflow engine on a run. Argo's agent reports whole Workflow documents."""

import json
from typing import Any

from google.protobuf.empty_pb2 import Empty
from lineal.v2beta1 import report_pb2

from server.apis.kfp import codec
from server.apis.kfp.services.answers import empty
from server.calls.apart import APART_BYTES, apart
from server.calls.call import Call
from server.errors import InvalidArgument
from server.rules import checks
from server.rules.json_size import TooManyValues, check_values
from server.rules.run_state import Hold, RunWrite, write_run
from server.rules.runs import FINISHED
from storage.model import RunState

RUN_LABEL = "pipeline/runid"

_PHASES = {
    "Pending": RunState.PENDING.name,
    "Running": RunState.RUNNING.name,
    "Succeeded": RunState.SUCCEEDED.name,
    "Skipped": RunState.SKIPPED.name,
    "Omitted": RunState.SKIPPED.name,
    "Failed": RunState.FAILED.name,
    "Error": RunState.FAILED.name,
}


async def report_workflow(call: Call, request: report_pb2.ReportWorkflowRequest) -> Empty:
    """Let a run take the state of its workflow; one that succeeded takes only an end, a canceling one too, as CANCELED."""
    is_large = call.request_bytes > APART_BYTES
    text = request.workflow
    run_id, phase, finished_at = await apart(_read, text) if is_large else _read(text)
    run_id = checks.known_id("run", run_id)

    async def attempt(write: RunWrite) -> None:
        run = await write.lock_run()
        new_state = _PHASES.get(phase)
        if run.state == RunState.CANCELING.name:
            new_state = RunState.CANCELED.name if new_state in FINISHED else None
        # A report that was held up: only a failed run is tried again.
        is_late = run.state == RunState.SUCCEEDED.name and new_state not in FINISHED
        if new_state is None or is_late or run.state == RunState.CANCELED.name:
            return
        await write.set_state(run, new_state, finished_at=finished_at)

    return await call.write(
        lambda store: write_run(store, run_id, attempt, now=call.now, hold=Hold.ALONE),
        empty,
    )


def _read(text: str) -> tuple[str, str, int | None]:
    """Return run id, phase and finish time (microseconds UTC) of a Workflow; raises InvalidArgument."""
    try:
        check_values(text)
        workflow = json.loads(text)
    except TooManyValues as error:
        raise InvalidArgument(f"the workflow {error}") from error
    except (ValueError, RecursionError):
        workflow = None
    if not isinstance(workflow, dict):
        raise InvalidArgument("the workflow is not a JSON object")
    run_id = _at(workflow, "metadata", "labels", RUN_LABEL)
    if not isinstance(run_id, str) or not run_id:
        raise InvalidArgument(f"the workflow has no label {RUN_LABEL}")
    phase = _at(workflow, "status", "phase")
    return run_id, phase if isinstance(phase, str) else "", _time(_at(workflow, "status", "finishedAt"))


def _at(document: Any, *path: str) -> Any:
    for step in path:
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _time(text: Any) -> int | None:
    return codec.moment_of_text(text, "workflow.status.finishedAt") if text and isinstance(text, str) else None
