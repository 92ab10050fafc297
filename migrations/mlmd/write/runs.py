"""Brings runs with all that belongs to them into the store, a batch in each transaction. The importer calls this.

What is in the store already is left alone unless an import of the same source wrote it and nobody has changed it since.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.changes import Changes, all_new, plan_changes, with_free_keys
from migrations.mlmd.write.groups import load_specs
from migrations.mlmd.write.ledger import Ledger
from migrations.mlmd.write.row_kinds import SHAPES, Kind, Record, Row, row_of
from migrations.mlmd.write.tally import Outcome, Tally
from storage.model import Artifact

_ARTIFACT_ID = SHAPES[Kind.LINK].names.index("artifact_id")
_TASK_ID = SHAPES[Kind.LINK].names.index("task_id")


@dataclass(frozen=True, slots=True)
class RunBatchRows:
    """The rows of some runs, ready to be written."""

    runs: dict[str, Row]
    specs: dict[str, tuple[str | None, int]]  # by run, with the time of the run
    tasks: dict[str, dict[str, Row]]  # by run
    links: dict[str, dict[str, Row]]  # by run
    artifacts: dict[str, dict[str, Row]]  # by run


def rows_of_runs(records: Sequence[RunRecords], aliases: Aliases) -> RunBatchRows:
    """Return the rows of runs."""
    made = RunBatchRows({}, {}, {}, {}, {})
    for one in records:
        run = aliases.run(one.run)
        made.runs[run.id] = row_of(Kind.RUN, run)
        made.specs[run.id] = (run.pipeline_spec, run.created_at)
        made.tasks[run.id] = rows_by_id(Kind.TASK, one.tasks)
        made.links[run.id] = rows_by_id(Kind.LINK, one.links)
        made.artifacts[run.id] = rows_by_id(Kind.ARTIFACT, one.artifacts)
    return made


def rows_by_id(kind: Kind, records: Iterable[Record]) -> dict[str, Row]:
    """Return the rows of records by their ids."""
    return {record.id: row_of(kind, record) for record in records}


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which runs of a batch are new, and which came with an import before and are there still; all others are left alone."""

    new: list[str]
    imported_before: list[str]
    taken: list[str]  # somebody else wrote a run with this id
    deleted_here: list[str]

    @classmethod
    async def of(cls, ledger: Ledger, run_ids: Collection[str]) -> "_Plan":
        imported = await ledger.digests(Kind.RUN, run_ids)
        present = await ledger.present(Kind.RUN, run_ids)
        places: dict[tuple[bool, bool], list[str]] = {}
        for id in run_ids:
            places.setdefault((id in imported, id in present), []).append(id)
        return cls(
            new=places.get((False, False), []),
            imported_before=places.get((True, True), []),
            taken=places.get((False, True), []),
            deleted_here=places.get((True, False), []),
        )


async def load_runs(ledger: Ledger, rows: RunBatchRows) -> Tally:
    """Bring in runs, within a transaction; returns what became of their rows.

    Everything is planned before anything is written, parents before what refers to them: specifications, artifacts, runs,
    tasks, links.
    """
    tally = Tally()
    plan = await _Plan.of(ledger, rows.runs)
    tally.add(Kind.RUN, Outcome.TAKEN, plan.taken)
    tally.add(Kind.RUN, Outcome.DELETED_HERE, plan.deleted_here)
    loaded = [*plan.new, *plan.imported_before]
    await load_specs(ledger, dict(rows.specs[id] for id in loaded), tally)
    artifacts = await plan_changes(ledger, Kind.ARTIFACT, _joined(rows.artifacts, loaded))
    old_runs = await plan_changes(ledger, Kind.RUN, {id: rows.runs[id] for id in plan.imported_before})
    old_tasks = await _planned_tasks(ledger, rows, plan)
    absent = artifacts.absent() | old_tasks.absent()
    # Planned before tasks are removed, with which the database removes their links.
    old_links = await plan_changes(
        ledger,
        Kind.LINK,
        _with_ends(_joined(rows.links, plan.imported_before), absent, tally),
        run_ids=plan.imported_before,
    )
    new_runs = all_new(Kind.RUN, {id: rows.runs[id] for id in plan.new})
    new_tasks = all_new(Kind.TASK, _joined(rows.tasks, plan.new))
    new_links = all_new(Kind.LINK, _with_ends(_joined(rows.links, plan.new), absent, tally))
    for changes in (artifacts, old_runs, old_tasks, new_runs, new_tasks, old_links, new_links):
        await changes.apply(ledger)
        changes.count(tally)
    return tally


async def _planned_tasks(ledger: Ledger, rows: RunBatchRows, plan: _Plan) -> Changes:
    keyed = await with_free_keys(ledger, _joined(rows.tasks, plan.imported_before))
    return await plan_changes(ledger, Kind.TASK, keyed, run_ids=plan.imported_before)


async def load_artifacts(ledger: Ledger, artifacts: Sequence[Artifact]) -> Tally:
    """Bring in artifacts that no run used or made, within a transaction; returns what became of them."""
    tally = Tally()
    changes = await plan_changes(ledger, Kind.ARTIFACT, rows_by_id(Kind.ARTIFACT, artifacts))
    await changes.apply(ledger)
    changes.count(tally)
    return tally


def _joined(by_run: dict[str, dict[str, Row]], run_ids: Sequence[str]) -> dict[str, Row]:
    joined: dict[str, Row] = {}
    for run_id in run_ids:
        joined.update(by_run[run_id])
    return joined


def _with_ends(links: dict[str, Row], absent: set[str], tally: Tally) -> dict[str, Row]:
    """Return the links whose two ends are in the store."""
    if not absent:
        return links
    lost = [id for id, row in links.items() if row[_ARTIFACT_ID] in absent or row[_TASK_ID] in absent]
    tally.add(Kind.LINK, Outcome.WITHOUT_PARENT, lost)
    return {id: row for id, row in links.items() if id not in set(lost)}
