"""Specifications of runs without one: made from their recorded tasks and links, for the calls that show one run."""

import asyncio
import json
from collections.abc import Sequence

from google.protobuf.struct_pb2 import Struct

from server.recorded_spec import LINKS_MAX, TASKS_MAX, RecordedSpec, RecordedSpecs, Recording
from server.well_known.values import set_struct
from storage.contract import ReadTx
from storage.documents.plain import compact
from storage.model import LinkedArtifact, LinkOutline, Run, RunActivity, Task, TaskOutline
from storage.record import record

PARAMETER_CHARACTERS = 64 * 1024
"""A task's parameters are not drawn if their text is longer."""


@record
class SpecSource:
    """What a specification is made from; `spec` is the specification itself if it is cached."""

    recording: Recording
    spec: RecordedSpec | None


async def read_spec_source(specs: RecordedSpecs, tx: ReadTx, run: Run) -> SpecSource:
    """Read what the specification of a run is made from, unless a cached one is current."""
    activity = await tx.runs.activity(run.id)
    spec = specs.find(run, activity)
    if spec is not None:
        return SpecSource(Recording(run, activity, (), ()), spec)
    tasks = await tx.tasks.outlines(run.id, limit=TASKS_MAX, parameter_characters=PARAMETER_CHARACTERS)
    links = await tx.artifact_tasks.outlines(run.id, limit=LINKS_MAX + 1)
    return SpecSource(Recording(run, activity, tasks, links), None)


def spec_source_of(
    specs: RecordedSpecs, run: Run, tasks: Sequence[Task], links: Sequence[LinkedArtifact]
) -> SpecSource:
    """Return the same for a run whose tasks and links have all been read, without a query."""
    activity = RunActivity(
        task_count=len(tasks),
        tasks_updated_at=max((task.updated_at for task in tasks), default=0),
        last_link_id=max((one.link.id for one in links), default=""),
    )
    spec = specs.find(run, activity)
    if spec is not None:
        return SpecSource(Recording(run, activity, (), ()), spec)
    first_links = sorted(links, key=lambda one: one.link.id)[: LINKS_MAX + 1]
    return SpecSource(Recording(run, activity, [*map(_task, tasks[:TASKS_MAX])], [*map(_link, first_links)]), None)


def _task(task: Task) -> TaskOutline:
    return TaskOutline(
        id=task.id,
        parent_task_id=task.parent_task_id,
        name=task.name,
        display_name=task.display_name,
        type=task.type,
        type_attributes=task.type_attributes,
        input_parameters=_unless_longer(task.input_parameters),
        output_parameters=_unless_longer(task.output_parameters),
    )


def _link(one: LinkedArtifact) -> LinkOutline:
    link, artifact = one.link, one.artifact
    return LinkOutline(
        task_id=link.task_id,
        artifact_id=link.artifact_id,
        type=link.type,
        key=link.key,
        producer=link.producer,
        artifact_type=artifact.type,
        uri=artifact.uri,
    )


def _unless_longer(text: str | None) -> str | None:
    return text if text is None or len(text) <= PARAMETER_CHARACTERS else None


async def recorded_spec(specs: RecordedSpecs, source: SpecSource) -> RecordedSpec:
    """Return the specification and cache it. Called after the transaction that read its source."""
    if source.spec is not None:
        return source.spec
    recording = source.recording
    # In a thread: the largest take a second, and would block the event loop for every other call.
    spec = await asyncio.to_thread(_draw, recording)
    specs.keep(recording.run, recording.activity, spec)
    return spec


def _draw(recording: Recording) -> RecordedSpec:
    from server.recorded_spec.document import make_spec

    text = compact(make_spec(recording))
    struct = Struct()
    # Parsed from the text, so that both forms hold the same values: a Struct accepts no enums or subclasses.
    set_struct(struct, json.loads(text))
    return RecordedSpec(text, struct.SerializeToString(deterministic=True))
