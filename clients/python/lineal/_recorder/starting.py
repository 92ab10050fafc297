"""How a run begins: a new one on the server, or a part of one that another process has begun.

Only here a run waits for the server, START_SECONDS at most. What the server refuses is raised; without a server, a run is recorded
all the same.
"""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lineal._recorder import clock
from lineal._recorder.connections import Connection
from lineal._recorder.current import Place
from lineal._recorder.nodes import DAG, ROOT, RUNTIME, Node
from lineal._recorder.plans import Plan, plan_of, root_plan
from lineal._recorder.record import Record
from lineal._recorder.server import START_SECONDS
from lineal._recorder.values import NAME_CHARACTERS, Plain
from lineal.errors import DeadlineExceeded, NotFound, Unavailable
from lineal.v2beta1.task_pb2 import PipelineTask

PAUSE_SECONDS = 0.1

log = logging.getLogger("lineal")


@dataclass(frozen=True)
class Wanted:
    """A run that is to begin, as it was asked for."""

    name: str
    parameters: Mapping[str, Plain]
    experiment: str
    description: str
    namespace: str
    artifact_root: str


def begin(connection: Connection, wanted: Wanted) -> tuple[Record, Node, Plan]:
    """Create a run, and return its record and what its ROOT task begins with. Raises LinealError for what the server refuses."""
    trouble = "" if connection.server.check() else "no server could be reached"
    experiment_id = _experiment_id(connection, wanted)
    run: dict[str, Any] = {"display_name": wanted.name, "scheduled_at": clock.moment(clock.now())}
    if wanted.parameters:
        run["runtime_config"] = {"parameters": dict(wanted.parameters)}
    if wanted.description:
        run["description"] = wanted.description
    if experiment_id:
        run["experiment_id"] = experiment_id
    run_id = connection.recording.create_run(run)
    if not trouble:
        try:
            connection.recording.wait_for(run_id, timeout_seconds=START_SECONDS)
        except (Unavailable, DeadlineExceeded) as error:
            trouble = error.message
    if trouble:
        _warn(connection, trouble, f"run {wanted.name!r}")
    record = _record(connection, run_id, wanted)
    return record, Node(record, ROOT, ROOT), root_plan(wanted.name, wanted.parameters)


def join(connection: Connection, wanted: Wanted, place: Place) -> tuple[Record, Node, Plan]:
    """Return the record of a run that another process has begun, and what a group in it begins with.

    Raises NotFound if the server does not know of the run.
    """
    record = _record(connection, place.run_id, wanted)
    iteration = None
    if not connection.server.check():
        _warn(connection, "no server could be reached", f"{wanted.name!r}, a part of run {place.run_id},")
    elif place.task_id:
        parent = _parent(connection, place)
        if parent is not None:
            attributes = parent.type_attributes
            iteration = attributes.iteration_index if attributes.HasField("iteration_index") else None
            if parent.type == PipelineTask.TaskType.Value(RUNTIME):
                connection.recording.update_task(place.run_id, place.task_id, {"type": DAG})
    name = wanted.name[:NAME_CHARACTERS]
    display_name = wanted.name if name != wanted.name else ""
    plan = plan_of(inputs=wanted.parameters, display_name=display_name, parent_task_id=place.task_id)
    return record, Node(record, name, DAG, iteration=iteration), plan


def _parent(connection: Connection, place: Place) -> PipelineTask | None:
    """Return the task around a process, once the one that began it has sent it; None if the server cannot be reached any more."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            return connection.server.task(place.run_id, place.task_id)
        except NotFound as error:
            if time.monotonic() > end:
                raise NotFound(
                    f"task {place.task_id!r} of run {place.run_id!r}, which LINEAL_RUN_ID and LINEAL_TASK_ID say this process "
                    f"is a part of, cannot be found: {error.message}; give join=False to begin a run of its own",
                    reason=error.reason,
                    request_id=error.request_id,
                ) from None
        time.sleep(PAUSE_SECONDS)


def _record(connection: Connection, run_id: str, wanted: Wanted) -> Record:
    return Record(connection, run_id, namespace=wanted.namespace, artifact_root=wanted.artifact_root)


def _experiment_id(connection: Connection, wanted: Wanted) -> str | None:
    if not wanted.experiment:
        return None
    id = connection.server.experiment_id(wanted.experiment, wanted.namespace)
    if id is None:
        log.warning(
            "experiment %r could not be looked up, since no server could be reached: run %r will be in the default experiment",
            wanted.experiment,
            wanted.name,
        )
    return id


def _warn(connection: Connection, trouble: str, what: str) -> None:
    log.warning(
        "%s at %s: %s is recorded in %s, and sent when there is one, by this or the next process "
        "that records, or by `lineal sync`",
        trouble,
        connection.settings.server,
        what,
        connection.options.folder,
    )
