"""The rows of runs' records, by run. The importer and the forecast call this before they open a transaction."""

from collections.abc import Mapping, Sequence
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
    artifact_ids: dict[str, Mapping[int, Sequence[str]]] = field(default_factory=dict)
    """By run: the ids of the rows that each of MLMD's artifacts became, by its id there."""
    made_roots: dict[str, str] = field(default_factory=dict)
    """By run: the id that its ROOT task has while MLMD does not have the root."""
    kept_states: frozenset[str] = frozenset()
    """The runs and groups of tasks that keep their state in a true-up."""
    replaced_roots: frozenset[str] = frozenset()
    """The ROOT tasks that were made for runs whose root MLMD has now."""


@dataclass(frozen=True, slots=True)
class ArtifactRows:
    """The rows of artifacts that no run used or made."""

    rows: Mapping[str, Row]
    artifact_ids: Mapping[int, Sequence[str]]
    """As of a run."""


def rows_of_runs(records: Sequence[RunRecords], aliases: Aliases) -> RunBatchRows:
    """Return the rows of runs, which refer to experiments and pipelines by their ids in Lineal."""
    rows = RunBatchRows()
    for one in records:
        id = one.run.id
        rows.artifacts[id] = rows_by_id(Kind.ARTIFACT, one.artifacts)
        rows.tasks[id] = rows_by_id(Kind.TASK, one.tasks)
        rows.links[id] = rows_by_id(Kind.LINK, one.links)
        rows.specs[id] = spec_rows(one.run.pipeline_spec, one.run.created_at)
        rows.artifact_ids[id] = one.artifact_ids
        rows.made_roots[id] = one.made_root
        rows.runs[id] = row_of(Kind.RUN, aliases.run(one.run))
    return rows
