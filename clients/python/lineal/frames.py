"""Messages as a pandas DataFrame: `lineal.to_frame(run.tasks)`, and `to_frame()` of every listing. Needs pandas.

A row per message, a column per field. Types are those that are computed with: times are `datetime64[us, UTC]`, durations
`timedelta64[us]`, states and other enums categories in the order of the contract, ids text, numbers numbers. Parameters, metrics and
metadata have columns of their own, as `param.lr`; of what is nested otherwise, cells have the messages. Empty texts are absent.
Columns do not depend on the rows, but for those with a dot.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value

from lineal._frame_columns import (
    DURATION,
    INTEGER,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    Kind,
    category,
    import_pandas,
    made,
    of_values,
)
from lineal._texts import enum_name, first_line, moment, plain_value, run_duration, task_duration, task_started
from lineal.v1 import lineage_pb2, overview_pb2
from lineal.v2beta1 import artifact_pb2, run_pb2, task_pb2

if TYPE_CHECKING:
    import pandas

__all__ = ["to_frame"]

_TIMESTAMP = "google.protobuf.Timestamp"
METRIC = artifact_pb2.Artifact.Metric
_RUN_STATES = [each for each in run_pb2.RuntimeState.keys() if each != "RUNTIME_STATE_UNSPECIFIED"]  # noqa: SIM118 – an enum


class Column(NamedTuple):
    """A column that every frame of a kind of messages has, and how its cell is made of a message."""

    name: str
    kind: Kind
    cell: Callable[[Any], Any]


def _no_extras(_message: Message) -> Iterable[tuple[str, Any]]:
    return ()


class Shape(NamedTuple):
    """The frame of a kind of messages: what comes first, what is left out, and columns whose names the rows say."""

    first: Sequence[Column | str] = ()
    left_out: frozenset[str] = frozenset()
    flattened: Callable[[Any], Iterable[tuple[str, Any]]] = _no_extras


def to_frame(messages: Iterable[Message], kind: type[Message] | None = None) -> pandas.DataFrame:
    """Return messages of one kind as a data frame, in their order, with an index from 0.

    `kind` says of which columns an empty frame consists; without it, that of an empty field of a message, such as `run.tasks`, is
    known, and that of an empty list is not, so that it has no columns. Raises TypeError for messages of several kinds, and
    ImportError without pandas.
    """
    frame: Callable[..., pandas.DataFrame] = import_pandas().DataFrame
    rows = list(messages)
    kind = kind or _kind_of(messages, rows)
    if kind is None:
        return frame()
    for row in rows:
        if not isinstance(row, kind):
            raise TypeError(f"a frame has messages of one kind: {kind.__name__} and {type(row).__name__} are two")
    shape = _SHAPES.get(kind.DESCRIPTOR.full_name, _DEFAULT)
    columns = {each.name: made(each.kind, [each.cell(row) for row in rows]) for each in _columns(kind, shape)}
    columns.update(_flattened(rows, shape.flattened))
    return frame(columns)


def _kind_of(messages: Any, rows: Sequence[Any]) -> type[Message] | None:
    if rows:
        if not isinstance(rows[0], Message):
            raise TypeError(f"a frame is made of messages, not of {type(rows[0]).__name__}")
        return type(rows[0])
    if hasattr(messages, "add") and hasattr(messages, "MergeFrom"):
        # A repeated field says what it takes only by making one: in a copy, so that the message stays as it is.
        added: Message = copy.deepcopy(messages).add()
        return type(added)
    return None


def _columns(kind: type[Message], shape: Shape) -> Iterator[Column]:
    """Yield the columns of the shape, then one for each field that none of these is about."""
    fields = kind.DESCRIPTOR.fields_by_name
    for each in shape.first:
        yield _column(fields[each]) if isinstance(each, str) else each
    names = {each if isinstance(each, str) else each.name for each in shape.first} | shape.left_out
    for name, field in fields.items():
        if name not in names and not field.GetOptions().deprecated:
            yield _column(field)


def _column(field: Any) -> Column:
    name: str = field.name
    if field.is_repeated or (field.message_type is not None and field.message_type.full_name != _TIMESTAMP):
        return Column(name, OBJECT, partial(_nested, name=name))
    if field.message_type is not None:
        return Column(name, TIME, partial(moment, field=name))
    if field.enum_type is not None:
        kind = category([each.name for each in field.enum_type.values if each.number])
        return Column(name, kind, partial(_enum, name=name))
    kind = _SCALARS.get(field.cpp_type, INTEGER)
    return Column(name, kind, partial(_optional, name=name) if field.has_presence else attrgetter(name))


def _enum(message: Message, name: str) -> str | None:
    return enum_name(message, name) or None


def _optional(message: Message, name: str) -> Any:
    return getattr(message, name) if message.HasField(name) else None


_SCALARS: Mapping[int, Kind] = {
    FieldDescriptor.CPPTYPE_STRING: TEXT,
    FieldDescriptor.CPPTYPE_DOUBLE: NUMBER,
    FieldDescriptor.CPPTYPE_FLOAT: NUMBER,
    FieldDescriptor.CPPTYPE_BOOL: Kind("bool", "boolean"),
}


def _nested(message: Message, name: str) -> Any:
    """Return what is in a field: messages as they are, several in a list or dict; None if there is nothing.

    Dicts of all that is nested would take longer than all other columns together: 1 ms for a task.
    """
    value, field = getattr(message, name), message.DESCRIPTOR.fields_by_name[name]
    if not field.is_repeated:
        return _plain(value) if message.HasField(name) else None
    if not value:
        return None
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return {key: _plain(value[key]) for key in sorted(value)}
    return [_plain(each) for each in value]


def _plain(value: Any) -> Any:
    if isinstance(value, (Struct, Value)):
        return json_format.MessageToDict(value)
    return value


def _flattened(
    rows: Sequence[Message], pairs_of: Callable[[Any], Iterable[tuple[str, Any]]]
) -> dict[str, pandas.Series[Any]]:
    """Return a column per name that any row has, by prefix in the order that they come, then by name."""
    cells: dict[str, list[Any]] = {}
    for number, row in enumerate(rows):
        for name, value in pairs_of(row):
            if name not in cells:
                cells[name] = [None] * len(rows)
            cells[name][number] = value
    prefixes = {name.partition(".")[0]: None for name in cells}
    order = {prefix: number for number, prefix in enumerate(prefixes)}
    names = sorted(cells, key=lambda name: (order[name.partition(".")[0]], name))
    return {name: of_values(cells[name]) for name in names}


def _run_extras(run: run_pb2.Run) -> Iterator[tuple[str, Any]]:
    for name, value in run.runtime_config.parameters.items():
        yield f"param.{name}", plain_value(value)
    for task in run.tasks:
        for name, number in _metrics(task):
            yield f"metric.{name}", number


def _summary_extras(run: overview_pb2.RunSummary) -> Iterator[tuple[str, Any]]:
    for metric in run.metrics:
        yield f"metric.{metric.name}", metric.value
    for name, value in run.columns.items():
        yield name.replace(":", ".", 1), plain_value(value)


def _task_extras(task: task_pb2.PipelineTask) -> Iterator[tuple[str, Any]]:
    for parameter in task.inputs.parameters:
        yield f"param.{parameter.parameter_key}", plain_value(parameter.value)
    for parameter in task.outputs.parameters:
        yield f"output.{parameter.parameter_key}", plain_value(parameter.value)
    for name, number in _metrics(task):
        yield f"metric.{name}", number


def _metrics(task: task_pb2.PipelineTask) -> Iterator[tuple[str, float]]:
    for output in task.outputs.artifacts:
        for artifact in output.artifacts:
            if artifact.type == METRIC and artifact.HasField("number_value"):
                yield artifact.name or output.artifact_key, artifact.number_value


def _artifact_extras(artifact: artifact_pb2.Artifact) -> Iterator[tuple[str, Any]]:
    for name, value in artifact.metadata.items():
        yield f"metadata.{name}", plain_value(value)


def _run_error(run: run_pb2.Run) -> str | None:
    messages = [run.error.message, *(each.error.message for each in reversed(run.state_history))]
    return next(filter(None, messages), None)


def _task_message(task: task_pb2.PipelineTask) -> str | None:
    messages = [task.status_metadata.message, *(each.error.message for each in reversed(task.state_history))]
    return first_line(next(filter(None, messages), "")) or None


def _pipeline(run: run_pb2.Run) -> str:
    return run.pipeline_version_reference.pipeline_id


def _pipeline_version(run: run_pb2.Run) -> str:
    return run.pipeline_version_reference.pipeline_version_id or run.pipeline_version_id


def _iteration(task: task_pb2.PipelineTask) -> int | None:
    attributes = task.type_attributes
    return attributes.iteration_index if attributes.HasField("iteration_index") else None


def _summary_state(run: overview_pb2.RunSummary) -> str | None:
    return run.state or None


def _summary_duration(run: overview_pb2.RunSummary) -> Any:
    start, end = moment(run, "created_at"), moment(run, "finished_at")
    return None if start is None or end is None else end - start


_DEFAULT = Shape(left_out=frozenset({"namespace"}))

_RUN = Shape(
    first=(
        "run_id",
        "display_name",
        "state",
        "created_at",
        "finished_at",
        Column("duration", DURATION, run_duration),
        Column("error", TEXT, _run_error),
        "experiment_id",
        Column("pipeline_id", TEXT, _pipeline),
        Column("pipeline_version_id", TEXT, _pipeline_version),
        "storage_state",
        "task_count",
    ),
    # What a run was started with are columns; the references to its pipeline are, too.
    left_out=frozenset({"runtime_config", "pipeline_version_reference", "pipeline_reference", "run_details"}),
    flattened=_run_extras,
)
_SUMMARY = Shape(
    first=(
        "run_id",
        "display_name",
        Column("state", category(_RUN_STATES), _summary_state),
        "created_at",
        "finished_at",
        Column("duration", DURATION, _summary_duration),
        Column("error", TEXT, attrgetter("failed.message")),
        Column("failed_task", TEXT, attrgetter("failed.name")),
        "archived",
    ),
    left_out=frozenset({"failed", "metrics", "columns"}),
    flattened=_summary_extras,
)
_TASK = Shape(
    first=(
        "task_id",
        "name",
        "display_name",
        "type",
        "state",
        "create_time",
        Column("start_time", TIME, task_started),
        "end_time",
        Column("duration", DURATION, task_duration),
        Column("iteration", INTEGER, _iteration),
        Column("message", TEXT, _task_message),
        "parent_task_id",
        "run_id",
        "scope_path",
        "cache_fingerprint",
    ),
    left_out=frozenset({"status_metadata"}),
    flattened=_task_extras,
)
_ARTIFACT = Shape(
    first=("artifact_id", "name", "type", "uri", "number_value", "created_at", "description", "namespace"),
    left_out=frozenset({"metadata"}),
    flattened=_artifact_extras,
)
_SHAPES: Mapping[str, Shape] = {
    run_pb2.Run.DESCRIPTOR.full_name: _RUN,
    overview_pb2.RunSummary.DESCRIPTOR.full_name: _SUMMARY,
    task_pb2.PipelineTask.DESCRIPTOR.full_name: _TASK,
    artifact_pb2.Artifact.DESCRIPTOR.full_name: _ARTIFACT,
    lineage_pb2.Node.DESCRIPTOR.full_name: Shape(first=("ref", "name", "type", "state", "depth", "number", "uri")),
}
