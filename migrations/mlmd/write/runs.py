"""Plans the import of runs with everything that belongs to them, and of artifacts without a run. The importer calls this.

Each function reads within a transaction of the caller, and writes nothing. Rows that the store already has are left unchanged,
unless an import of the same source wrote them and they have not been changed since.
"""

from migrations.mlmd.write.census import count
from migrations.mlmd.write.kept_ids import metrics_with_kept_ids
from migrations.mlmd.write.ledger import Ledger, Mode
from migrations.mlmd.write.pieces import Plan
from migrations.mlmd.write.plan import plan_changes
from migrations.mlmd.write.reused_ids import artifacts_with_own_ids, with_own_ids
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.run_fates import read_run_fates
from migrations.mlmd.write.run_plan import plan_batch
from migrations.mlmd.write.run_rows import ArtifactRows, RunBatchRows
from migrations.mlmd.write.tally import Outcome, Tally


async def plan_runs(ledger: Ledger, rows: RunBatchRows) -> Plan:
    """Return what is to be done with runs and everything that belongs to them."""
    if ledger.mode is not Mode.FIRST:
        rows = await with_own_ids(ledger, rows)
    fates = await read_run_fates(ledger, rows.runs)
    ledger.meet(Kind.RUN, rows.runs)
    plan = await plan_batch(ledger, rows, fates)
    tally = Tally(named=None)
    tally.add_all(Kind.RUN, {Outcome.TAKEN: fates.foreign, Outcome.DELETED_HERE: fates.deletions})
    tally.add_all(Kind.LINK, {Outcome.WITHOUT_PARENT: plan.orphan_links})
    count(ledger, tally, plan.changes)
    return Plan(plan.changes, tally, plan.places, rows.source_of)


async def plan_artifacts(ledger: Ledger, artifacts: ArtifactRows) -> Plan:
    """Return what is to be done with artifacts that no run used or made."""
    if ledger.mode is not Mode.FIRST:
        artifacts = await artifacts_with_own_ids(ledger, artifacts)
    rows = artifacts.rows
    if ledger.mode is Mode.TRUE_UP:
        rows = await metrics_with_kept_ids(ledger, rows, artifacts.artifact_ids)
    changes = await plan_changes(ledger, Kind.ARTIFACT, rows)
    tally = Tally(named=None)
    count(ledger, tally, [changes])
    return Plan([changes], tally, source_of=artifacts.source_of)
