"""The rows of runs' records, by run. The importer and the forecast call this before they open a transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.row_kinds import Kind, Row, row_of, rows_by_id, spec_rows

RowsByRun = dict[str, dict[str, Row]]
"""The rows of one kind: by the id of their run, then by their own id."""


@dataclass(frozen=True, slots=True)
class RunBatchRows:
    """The rows of some runs, ready to be written."""

    runs: dict[str, Row] = field(default_factory=dict)
    specs: RowsByRun = field(default_factory=dict)
    artifacts: RowsByRun = field(default_factory=dict)
    tasks: RowsByRun = field(default_factory=dict)
    links: RowsByRun = field(default_factory=dict)


def rows_of_runs(records: Sequence[RunRecords], aliases: Aliases) -> RunBatchRows:
    """Return the rows of runs, which refer to experiments and pipelines by their ids in Lineal."""
    rows = RunBatchRows()
    for one in records:
        id = one.run.id
        rows.artifacts[id] = rows_by_id(Kind.ARTIFACT, one.artifacts)
        rows.tasks[id] = rows_by_id(Kind.TASK, one.tasks)
        rows.links[id] = rows_by_id(Kind.LINK, one.links)
        rows.specs[id] = spec_rows(one.run.pipeline_spec, one.run.created_at)
        rows.runs[id] = row_of(Kind.RUN, aliases.run(one.run))
    return rows
