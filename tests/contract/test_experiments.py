"""What storage.contract promises of experiments."""

from dataclasses import replace

import pytest

from storage.contract import Lock
from storage.errors import AlreadyExists, RowNotFound
from storage.fields import EXPERIMENT_LIST
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, an_experiment, keep
from tests.contract.concurrency import assert_waits
from tests.contract.listings import all_pages, ids_of, listing


async def test_raises_rownotfound_when_no_experiment_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound, match="experiment 'nowhere' not found"):
        await store.read(lambda tx: tx.experiments.get("nowhere"))


async def test_experiments_list_by_creation_time_then_id(store: SqlStore) -> None:
    default = await store.read(lambda tx: tx.experiments.default_id())
    second, third = an_experiment(created_at=5), an_experiment(created_at=5)
    await keep(store, third, second, an_experiment(id="first", created_at=4))
    pages = await all_pages(
        store, lambda tx, page: tx.experiments.list(page, namespace=None), listing(EXPERIMENT_LIST, page_size=2)
    )
    assert ids_of(pages) == ["first", second.id, third.id, default]


async def test_the_default_experiment_exists_from_the_first_upgrade(store: SqlStore) -> None:
    default = await store.read(lambda tx: tx.experiments.default_id())
    assert (await store.read(lambda tx: tx.experiments.get(default))).name == "Default"


async def test_raises_rownotfound_once_the_default_experiment_is_deleted(store: SqlStore) -> None:
    await delete_default(store)
    with pytest.raises(RowNotFound):
        await store.read(lambda tx: tx.experiments.default_id())


async def delete_default(store: SqlStore) -> None:
    default = await store.read(lambda tx: tx.experiments.default_id())
    await store.write(lambda tx: tx.experiments.delete(default))


async def test_a_deleted_default_experiment_is_created_again_from_the_fallback(store: SqlStore) -> None:
    await delete_default(store)
    fallback = an_experiment(name="Default", description="again")
    assert await store.write(lambda tx: tx.experiments.ensure_default(fallback)) == fallback.id
    assert await store.read(lambda tx: tx.experiments.default_id()) == fallback.id
    assert await store.read(lambda tx: tx.experiments.get(fallback.id)) == fallback


async def test_a_default_experiment_that_is_there_stays(store: SqlStore) -> None:
    default = await store.read(lambda tx: tx.experiments.default_id())
    assert await store.write(lambda tx: tx.experiments.ensure_default(an_experiment())) == default


async def test_an_experiment_that_has_the_fallbacks_name_becomes_the_default(store: SqlStore) -> None:
    await delete_default(store)
    bearer = an_experiment(name="Default")
    await keep(store, bearer)
    assert await store.write(lambda tx: tx.experiments.ensure_default(an_experiment(name="Default"))) == bearer.id


async def test_the_time_of_an_experiments_last_run_only_moves_forward(store: SqlStore) -> None:
    experiment = an_experiment()
    await keep(store, experiment)
    for moment in (20, 10, 30, 29):
        await store.write(lambda tx, moment=moment: tx.experiments.record_run(experiment.id, moment))
    assert (await store.read(lambda tx: tx.experiments.get(experiment.id))).last_run_created_at == 30


async def test_the_last_run_of_one_experiment_counts_before_it_is_recorded(store: SqlStore) -> None:
    experiment, other = an_experiment(name="one"), an_experiment(name="other")
    runs = [a_run(experiment_id=experiment.id, created_at=moment) for moment in (20, 40, 30)]
    await keep(store, experiment, other, *runs, a_run(experiment_id=other.id, created_at=90))

    async def last_run() -> int:
        return (await store.read_one(lambda tx: tx.experiments.get(experiment.id))).last_run_created_at

    assert await last_run() == 40
    await store.write(lambda tx: tx.experiments.record_run(experiment.id, 50))
    assert await last_run() == 50
    for run in runs:
        await store.write(lambda tx, run=run: tx.runs.delete(run.id))
    assert await last_run() == 50


async def unrecorded_runs(store: SqlStore, created_since: int) -> dict[str, int]:
    return dict(await store.read_one(lambda tx: tx.experiments.unrecorded_runs(created_since=created_since)))


async def test_experiments_that_have_a_newer_run_than_is_recorded_are_found_with_the_time_of_that_run(
    store: SqlStore,
) -> None:
    experiment, recorded = an_experiment(name="one"), an_experiment(name="recorded", last_run_created_at=40)
    await keep(store, experiment, recorded)
    for moment in (20, 40, 30):
        await keep(store, *(a_run(experiment_id=each.id, created_at=moment) for each in (experiment, recorded)))
    assert await unrecorded_runs(store, 0) == {experiment.id: 40}
    await store.write(lambda tx: tx.experiments.record_run(experiment.id, 40))
    assert await unrecorded_runs(store, 0) == {}


async def test_runs_created_before_a_given_time_are_not_looked_at(store: SqlStore) -> None:
    experiment = an_experiment(name="one")
    await keep(store, experiment, a_run(experiment_id=experiment.id, created_at=40))
    assert await unrecorded_runs(store, 40) == {experiment.id: 40}
    assert await unrecorded_runs(store, 41) == {}


async def test_a_taken_experiment_name_raises_alreadyexists(store: SqlStore) -> None:
    await keep(store, an_experiment(name="one", namespace="here"))
    await keep(store, an_experiment(name="one", namespace="there"))
    with pytest.raises(AlreadyExists, match="experiment 'one' already exists"):
        await keep(store, an_experiment(name="one", namespace="here"))


async def test_an_experiment_locked_for_update_is_not_written_by_others_until_the_transaction_ends(
    store: SqlStore,
) -> None:
    experiment = an_experiment()
    await keep(store, experiment)
    await assert_waits(
        store,
        holding=lambda tx: tx.experiments.lock(experiment.id, Lock.UPDATE),
        waiting=lambda tx: tx.experiments.set_storage_state(experiment.id, "ARCHIVED"),
    )
    locked = await store.write(lambda tx: tx.experiments.lock(experiment.id, Lock.UPDATE))
    assert locked == replace(experiment, storage_state="ARCHIVED")


async def test_locking_an_unknown_experiment_raises_rownotfound(store: SqlStore) -> None:
    for lock in Lock:
        with pytest.raises(RowNotFound):
            await store.write(lambda tx, lock=lock: tx.experiments.lock("nowhere", lock))


async def test_archiving_an_experiment_that_does_not_exist_raises_rownotfound(store: SqlStore) -> None:
    experiment = an_experiment()
    await keep(store, experiment)
    for _ in range(2):
        await store.write(lambda tx: tx.experiments.set_storage_state(experiment.id, "ARCHIVED"))
    assert (await store.read(lambda tx: tx.experiments.get(experiment.id))).storage_state == "ARCHIVED"
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.experiments.set_storage_state("nowhere", "ARCHIVED"))


async def test_deleting_an_experiment_keeps_its_runs(store: SqlStore) -> None:
    experiment = an_experiment()
    run = a_run(experiment_id=experiment.id)
    await keep(store, experiment, run)
    await store.write(lambda tx: tx.experiments.delete(experiment.id))
    assert await store.read(lambda tx: tx.runs.get(run.id, with_spec=False)) == run
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.experiments.delete(experiment.id))


async def test_an_experiment_locked_for_sharing_is_not_archived_by_others_until_the_transaction_ends(
    store: SqlStore,
) -> None:
    experiment = an_experiment()
    await keep(store, experiment)
    assert await store.write(lambda tx: tx.experiments.lock(experiment.id, Lock.SHARE)) == experiment
    await assert_waits(
        store,
        holding=lambda tx: tx.experiments.lock(experiment.id, Lock.SHARE),
        waiting=lambda tx: tx.experiments.set_storage_state(experiment.id, "ARCHIVED"),
    )
