"""The kinds of rows that an import writes, with their tables and columns, and the rows that records become.

Everything that writes, compares or removes imported rows calls this.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, Integer, Table

from storage.digests import spec_id
from storage.model import Artifact, ArtifactTask, Experiment, Pipeline, PipelineVersion, Run, Task
from storage.record import record
from storage.sql import tables

Row = tuple[Any, ...]
"""The values of a row in the order of its kind's columns, the id first."""


class Kind(IntEnum):
    """Kinds of rows; the numbers are stored with imported rows."""

    RUN = 1
    TASK = 2
    ARTIFACT = 3
    LINK = 4
    SPEC = 5
    EXPERIMENT = 6
    PIPELINE = 7
    VERSION = 8


LABELS: Mapping[Kind, str] = {
    Kind.EXPERIMENT: "experiments",
    Kind.PIPELINE: "pipelines",
    Kind.VERSION: "pipeline_versions",
    Kind.SPEC: "pipeline_specs",
    Kind.RUN: "runs",
    Kind.TASK: "tasks",
    Kind.ARTIFACT: "artifacts",
    Kind.LINK: "artifact_tasks",
}
"""The names of the kinds in reports, in the order in which they are written."""


@record
class Shape:
    """The table of one kind, and its columns in the order of Row."""

    table: Table
    names: tuple[str, ...]
    columns: tuple[ColumnElement[Any], ...]
    id: ColumnElement[str]


def _shape(table: Table, *omissions: str) -> Shape:
    columns = tuple(column for column in table.columns if column.name not in omissions)
    return Shape(table, tuple(column.name for column in columns), columns, table.c.id)


SHAPES: Mapping[Kind, Shape] = {
    Kind.RUN: _shape(tables.runs),
    Kind.TASK: _shape(tables.tasks),
    Kind.ARTIFACT: _shape(tables.artifacts),
    Kind.LINK: _shape(tables.artifact_tasks),
    Kind.SPEC: _shape(tables.pipeline_specs),
    # The server sets the time of the last run with every new run.
    Kind.EXPERIMENT: _shape(tables.experiments, "last_run_created_at"),
    Kind.PIPELINE: _shape(tables.pipelines),
    Kind.VERSION: _shape(tables.pipeline_versions),
}


_SPEC_ID, _SPEC = "pipeline_spec_id", "pipeline_spec"

_VALUES: Mapping[Kind, Callable[[Any], tuple[Any, ...]]] = {
    kind: attrgetter(*(_SPEC if name == _SPEC_ID else name for name in shape.names))
    for kind, shape in SHAPES.items()
    if kind is not Kind.SPEC
}
"""What reads a record's fields, in the order of the columns."""

_WITH_SPEC = {kind: shape.names.index(_SPEC_ID) for kind, shape in SHAPES.items() if _SPEC_ID in shape.names}

_ENUMS = {
    kind: [place for place, column in enumerate(shape.columns) if type(column.type) is Integer]
    for kind, shape in SHAPES.items()
}
"""The places of members of enums; all other numbers are times, or of any size."""

Record = Run | Task | Artifact | ArtifactTask | Experiment | Pipeline | PipelineVersion


def row_of(kind: Kind, record: Record) -> Row:
    """Return a record as a row, with the id of a specification instead of its text."""
    values = list(_VALUES[kind](record))
    if kind in _WITH_SPEC:
        values[_WITH_SPEC[kind]] = spec_id(values[_WITH_SPEC[kind]])
    for place in _ENUMS[kind]:
        # Databases return numbers for members of enums.
        values[place] = int(values[place])
    return tuple(values)


def rows_by_id(kind: Kind, records: Iterable[Record]) -> dict[str, Row]:
    """Return the rows of records by their ids."""
    return {record.id: row_of(kind, record) for record in records}


def spec_rows(spec: str | None, created_at: int) -> dict[str, Row]:
    """Return the row of a pipeline specification by its id, nothing without a specification.

    `created_at` (microseconds) is the time of the run or version with the specification.
    """
    id = spec_id(spec)
    return {} if id is None else {id: (id, spec, created_at)}
