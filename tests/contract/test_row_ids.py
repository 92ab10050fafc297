"""What storage.contract promises of ids, of whichever rows they are."""

from storage.ids import new_id
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_pipeline, a_run, a_task, a_version, an_artifact, an_experiment, keep
from tests.contract.test_impossible_ids import IMPOSSIBLE


async def test_ids_are_taken_that_a_row_of_any_kind_but_a_link_has(store: SqlStore) -> None:
    run, pipeline, artifact, experiment = a_run(), a_pipeline(), an_artifact(), an_experiment()
    task, version = a_task(run.id), a_version(pipeline.id)
    link = a_link(task, artifact)
    await keep(store, experiment, pipeline, version, run, task, artifact, link)
    ids = {row.id for row in (experiment, pipeline, version, run, task, artifact)}
    assert await store.read(lambda tx: tx.row_ids.taken([*ids, link.id, new_id()])) == ids
    assert await store.read(lambda tx: tx.row_ids.taken([])) == set()


async def test_texts_that_cannot_be_ids_are_not_taken(store: SqlStore) -> None:
    run = a_run()
    await keep(store, run)
    assert await store.read(lambda tx: tx.row_ids.taken([*IMPOSSIBLE, run.id])) == {run.id}
