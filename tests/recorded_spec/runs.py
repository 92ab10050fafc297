"""Outlines of tasks and links for the tests of made specifications: valid as they are, changed by keyword."""

import itertools
import json
from collections.abc import Sequence
from typing import Any

from server.recorded_spec import Recording
from server.recorded_spec.document import make_spec
from storage.contract import Listing, ReadTx
from storage.fields import RUN_LIST
from storage.model import IOType, LinkOutline, Run, RunActivity, TaskOutline, TaskType
from storage.sql.store import SqlStore
from tests.contract.builders import a_run

_numbers = itertools.count(1)


def task(name: str = "train", parent: TaskOutline | None = None, **changes: Any) -> TaskOutline:
    """A task; attributes, inputs and outputs are given as plain JSON."""
    texts = {name: json.dumps(changes.pop(name)) for name in _JSON if name in changes}
    fields = {name: None for name in _JSON} | {"display_name": name, "type": TaskType.RUNTIME} | texts | changes
    return TaskOutline(id=f"t{next(_numbers)}", parent_task_id=parent.id if parent else None, name=name, **fields)


_JSON = ("type_attributes", "input_parameters", "output_parameters")


def root(**changes: Any) -> TaskOutline:
    """A ROOT task."""
    return task("ROOT", type=TaskType.ROOT, **changes)


def parameter(key: str, value: Any = "v", producer: str = "", **changes: Any) -> dict[str, Any]:
    """A parameter as it is stored."""
    named = {"producer": {"taskName": producer}} if producer else {}
    return {"parameterKey": key, "value": value, **named, **changes}


def link(of: TaskOutline, artifact_id: str, key: str, type: IOType = IOType.OUTPUT, **changes: Any) -> LinkOutline:
    """A link, of an output unless it says otherwise."""
    fields = {"producer": "{}", "artifact_type": 1, "uri": None} | changes
    return LinkOutline(task_id=of.id, artifact_id=artifact_id, type=type.value, key=key, **fields)


def made(tasks: Sequence[TaskOutline], links: Sequence[LinkOutline] = (), **changes: Any) -> dict[str, Any]:
    """The specification of a run of these tasks."""
    run = a_run(**changes.pop("run", {}))
    activity = RunActivity(changes.pop("task_count", len(tasks)), 1, "")
    return make_spec(Recording(run, activity, tasks, links))


async def recordings(store: SqlStore) -> list[Recording]:
    """What every run of a store is drawn from, with its own specification where it has one."""
    page = await store.read(
        lambda tx: tx.runs.list(
            Listing(RUN_LIST.default_order, 1000), experiment_id=None, namespace=None, with_spec=True
        )
    )

    async def recording(tx: ReadTx, run: Run) -> Recording:
        tasks = await tx.tasks.outlines(run.id, limit=2_000, parameter_characters=65_536)
        links = await tx.artifact_tasks.outlines(run.id, limit=20_001)
        return Recording(run, await tx.runs.activity(run.id), tasks, links)

    return [await store.read(lambda tx, run=run: recording(tx, run)) for run in page.rows]
