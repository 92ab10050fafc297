"""However many runs an experiment has, and others have, the next ones to be archived are found by an index."""

from sqlalchemy import insert

from storage.contract import WriteTx
from storage.pages import Cursor
from storage.sql import tables
from storage.sql.rows import values_of
from storage.sql.store import SqlStore
from tests.contract.builders import a_run
from tests.contract.plans import analyze, explain
from tests.contract.watching import statements

RUNS, EXPERIMENTS = 300, 15
LARGE = "x" * 2000
"""What rows hold in real life: a table of short rows is sooner read whole than by an index."""


async def test_the_next_runs_of_an_experiment_are_found_by_its_index(store: SqlStore) -> None:
    runs = [
        a_run(id=f"run {n}", created_at=n // 2, experiment_id=f"e{n % EXPERIMENTS}", runtime_config=LARGE)
        for n in range(RUNS)
    ]
    async with store.engines[0].begin() as connection:
        await connection.execute(insert(tables.runs), [values_of(run, leaving_out=("pipeline_spec",)) for run in runs])
    await analyze(store)

    async def archive(tx: WriteTx) -> None:
        for after in (None, Cursor(value=20, id="run 40")):
            assert await tx.runs.archive_of_experiment("e3", after=after, limit=9, updated_at=1)

    with statements(store) as log:
        await store.write(archive)
    reads = [each for each in log if each.text.startswith("SELECT")]
    assert len(reads) == 2
    for each in reads:
        plan = await explain(store, each, may_sort=False)
        assert "runs_experiment_created" in plan.indexes, plan.shown
        assert not plan.sorts, plan.shown
