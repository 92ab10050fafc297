"""Brings runs with all that belongs to them into the store, a batch in each transaction. The importer calls this.

What is in the store already is left alone unless an import of the same source wrote it and nobody has changed it since.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from migrations.mlmd.vocabulary.records import RunRecords
from migrations.mlmd.write.aliases import Aliases
from migrations.mlmd.write.changes import all_new, plan_changes, with_free_keys
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


async def load_runs(ledger: Ledger, rows: RunBatchRows) -> Tally:
    """Bring in runs, within a transaction; returns what became of their rows."""
    tally = Tally()
    noted = await ledger.digests(Kind.RUN, rows.runs)
    there = await ledger.present(Kind.RUN, rows.runs)
    fresh = [id for id in rows.runs if id not in noted and id not in there]
    standing = [id for id in rows.runs if id in noted and id in there]
    tally.add(Kind.RUN, Outcome.TAKEN, [id for id in rows.runs if id not in noted and id in there])
    tally.add(Kind.RUN, Outcome.DELETED_HERE, [id for id in rows.runs if id in noted and id not in there])
    wanted = {*fresh, *standing}
    await load_specs(ledger, {spec: at for id, (spec, at) in rows.specs.items() if id in wanted}, tally)
    artifacts = await plan_changes(ledger, Kind.ARTIFACT, _joined(rows.artifacts, [*fresh, *standing]))
    runs = await plan_changes(ledger, Kind.RUN, {id: rows.runs[id] for id in standing})
    keyed = await with_free_keys(ledger, _joined(rows.tasks, standing))
    tasks = await plan_changes(ledger, Kind.TASK, keyed, run_ids=standing)
    gone = artifacts.gone() | tasks.gone()
    # Looked at before tasks are removed, with which the database removes their links.
    links = await plan_changes(ledger, Kind.LINK, _kept(_joined(rows.links, standing), gone, tally), run_ids=standing)
    new_runs = all_new(Kind.RUN, {id: rows.runs[id] for id in fresh})
    new_tasks = all_new(Kind.TASK, _joined(rows.tasks, fresh))
    new_links = all_new(Kind.LINK, _kept(_joined(rows.links, fresh), gone, tally))
    for changes in (artifacts, runs, tasks, new_runs, new_tasks, links, new_links):
        await changes.apply(ledger)
        changes.count(tally)
    return tally


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


def _kept(links: dict[str, Row], gone: set[str], tally: Tally) -> dict[str, Row]:
    """Return the links whose two ends are in the store."""
    if not gone:
        return links
    lost = [id for id, row in links.items() if row[_ARTIFACT_ID] in gone or row[_TASK_ID] in gone]
    tally.add(Kind.LINK, Outcome.WITHOUT_PARENT, lost)
    return {id: row for id, row in links.items() if id not in set(lost)}
