"""The rows of runs' records, by run. The importer and the forecast call this before they open a transaction."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import field

from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row, row_of, rows_by_id, spec_rows
from storage.record import record

_TASK_RUN_ID = SHAPES[Kind.TASK].names.index("run_id")
_PLACES_OF_LINK = [SHAPES[Kind.LINK].names.index(name) for name in ("run_id", "task_id", "artifact_id")]

RowsByRun = dict[str, dict[str, Row]]
"""The rows of one kind: by the id of their run, then by their own id."""


@record
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
    task_ids: dict[str, Mapping[int, str]] = field(default_factory=dict)
    """By run: the id of the task that each execution became, by its id in MLMD."""
    context_ids: dict[str, int] = field(default_factory=dict)
    """By run: the id of its context in MLMD."""
    dated_ids: set[str] = field(default_factory=set)
    """The rows whose time of creation is that of MLMD's row, which never changes it."""
    kept_states: frozenset[str] = frozenset()
    """The runs and groups of tasks that keep their state in a true-up."""
    replaced_roots: frozenset[str] = frozenset()
    """The ROOT tasks that were made for runs whose root MLMD has now."""

    def source_of(self, kind: Kind, row: Row) -> str:
        """Return what a row was in the source, for reports."""
        if kind is Kind.RUN:
            return f"context {self.context_ids.get(row[0])} (run {row[0]})"
        if kind is Kind.ARTIFACT:
            return _artifact(row[0], self.artifact_ids.values())
        if kind is Kind.TASK:
            return f"{self._task(row[_TASK_RUN_ID], row[0])} of run {row[_TASK_RUN_ID]}"
        if kind is Kind.LINK:
            run_id, task_id, artifact_id = (row[place] for place in _PLACES_OF_LINK)
            artifact = _artifact(artifact_id, [self.artifact_ids.get(run_id, {})])
            return f"event of {self._task(run_id, task_id)} and {artifact} of run {run_id}"
        return f"specification {row[0]}"

    def _task(self, run_id: str, id: str) -> str:
        executions = (execution_id for execution_id, task_id in self.task_ids.get(run_id, {}).items() if task_id == id)
        execution_id = next(executions, None)
        return f"context {self.context_ids.get(run_id)}" if execution_id is None else f"execution {execution_id}"


@record
class ArtifactRows:
    """The rows of artifacts that no run used or made."""

    rows: Mapping[str, Row]
    artifact_ids: Mapping[int, Sequence[str]]
    """As of a run."""
    dated_ids: Set[str] = frozenset()
    """As of runs."""

    def source_of(self, kind: Kind, row: Row) -> str:
        """Return what a row was in the source, for reports."""
        return _artifact(row[0], [self.artifact_ids])


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
        rows.task_ids[id] = one.task_ids
        rows.context_ids[id] = one.context_id
        rows.dated_ids.update(one.dated_ids)
        rows.runs[id] = row_of(Kind.RUN, aliases.run(one.run))
    return rows


def _artifact(id: str, artifact_ids: Iterable[Mapping[int, Sequence[str]]]) -> str:
    found = (mlmd_id for of_run in artifact_ids for mlmd_id, ids in of_run.items() if id in ids)
    mlmd_id = next(found, None)
    return f"artifact {id if mlmd_id is None else mlmd_id}"
