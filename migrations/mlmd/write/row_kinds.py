"""The kinds of rows that an import writes: their tables, their columns, and the digest that tells whether a row is as it was.

Everything that writes, compares or removes imported rows calls this.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import ColumnElement, Table

from storage.digests import spec_id
from storage.model import Artifact, ArtifactTask, Experiment, Pipeline, PipelineVersion, Run, Task
from storage.sql import tables

Row = tuple[Any, ...]
"""The values of a row in the order of its kind's columns, the id first."""


class Kind(IntEnum):
    """Kinds of rows; the numbers are kept with imported rows."""

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
"""What reports call the kinds, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind's table, and its columns in the order of Row."""

    table: Table
    names: tuple[str, ...]

    @property
    def columns(self) -> list[ColumnElement[Any]]:
        """The columns in the order of Row."""
        return [self.table.c[name] for name in self.names]

    @property
    def id(self) -> ColumnElement[str]:
        """The column of the id."""
        return self.table.c.id


def _shape(table: Table, *left_out: str) -> Shape:
    return Shape(table, tuple(column.name for column in table.columns if column.name not in left_out))


SHAPES: Mapping[Kind, Shape] = {
    Kind.RUN: _shape(tables.runs),
    Kind.TASK: _shape(tables.tasks),
    Kind.ARTIFACT: _shape(tables.artifacts),
    Kind.LINK: _shape(tables.artifact_tasks),
    Kind.SPEC: _shape(tables.pipeline_specs),
    # The server moves the time of the last run with every run that comes.
    Kind.EXPERIMENT: _shape(tables.experiments, "last_run_created_at"),
    Kind.PIPELINE: _shape(tables.pipelines),
    Kind.VERSION: _shape(tables.pipeline_versions),
}


Record = Run | Task | Artifact | ArtifactTask | Experiment | Pipeline | PipelineVersion


def row_of(kind: Kind, record: Record) -> Row:
    """Return a record as a row; a specification is named by its id."""
    return tuple(_plain(_value(record, name)) for name in SHAPES[kind].names)


def digest(kind: Kind, row: Sequence[Any]) -> int:
    """Return a number of 64 bits that differs when a row differs."""
    # A specification is its id; the time is that of whoever brought it first. A database may take -0.0 for 0.0.
    told = row[:1] if kind is Kind.SPEC else row
    values = tuple(value + 0.0 if isinstance(value, float) else value for value in told)
    made = hashlib.blake2b(repr(values).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(made, "big", signed=True)


def _value(record: Record, name: str) -> Any:
    if name == "pipeline_spec_id":
        return spec_id(record.pipeline_spec)  # type: ignore[union-attr]
    return getattr(record, name)


def _plain(value: Any) -> Any:
    # Members of enums are numbers, and read back as numbers.
    return int(value) if isinstance(value, IntEnum) else value
