"""What storage.contract promises of pipelines."""

from dataclasses import replace

import pytest

from storage.errors import AlreadyExists, InUse, RowNotFound
from storage.fields import PIPELINE_LIST, PIPELINES
from storage.filters import Operation, Predicate
from storage.model import Pipeline
from storage.sql.store import SqlStore
from tests.contract.builders import a_pipeline, a_version, keep
from tests.contract.listings import all_pages, ids_of, listing


async def get(store: SqlStore, pipeline_id: str) -> Pipeline:
    return await store.read(lambda tx: tx.pipelines.get(pipeline_id))


async def test_a_pipeline_comes_with_its_tags(store: SqlStore) -> None:
    pipeline = a_pipeline(tags={"team": "blau 💙", "Team": "b"}, display_name="d", description="e", namespace="n")
    await keep(store, pipeline, a_pipeline(tags={"team": "other"}))
    assert await get(store, pipeline.id) == pipeline
    assert await store.read(lambda tx: tx.pipelines.get_by_name(pipeline.name, "n")) == pipeline


async def test_raises_rownotfound_when_no_pipeline_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await get(store, "nowhere")


async def test_raises_rownotfound_when_no_pipeline_has_the_name(store: SqlStore) -> None:
    await keep(store, a_pipeline(name="train", namespace="here"))
    for name, namespace in (("Train", "here"), ("train", "")):
        with pytest.raises(RowNotFound):
            await store.read(lambda tx, name=name, namespace=namespace: tx.pipelines.get_by_name(name, namespace))


async def list_ids(store: SqlStore, *predicates: Predicate) -> list[str]:
    pages = await all_pages(
        store,
        lambda tx, page: tx.pipelines.list(page, namespace=None),
        listing(PIPELINE_LIST, page_size=2, predicates=predicates),
    )
    return ids_of(pages)


async def test_pipelines_list_by_creation_time_then_id(store: SqlStore) -> None:
    second, third = a_pipeline(created_at=5), a_pipeline(created_at=5, tags={"a": "b"})
    await keep(store, third, a_pipeline(id="z", created_at=4), second)
    assert await list_ids(store) == ["z", second.id, third.id]


async def test_pipelines_can_be_filtered_by_their_tags(store: SqlStore) -> None:
    both, one = a_pipeline(tags={"a": "1", "b": "2"}), a_pipeline(tags={"a": "1"})
    await keep(store, both, one, a_pipeline(tags={"A": "1", "b": "1"}), a_pipeline())
    a, b = (Predicate(PIPELINES[f"tags.{key}"], Operation.EQUALS, (value,)) for key, value in (("a", "1"), ("b", "2")))
    assert await list_ids(store, a) == [both.id, one.id]
    assert await list_ids(store, a, b) == [both.id]


async def test_a_taken_pipeline_name_raises_alreadyexists(store: SqlStore) -> None:
    await keep(store, a_pipeline(name="train"), a_pipeline(name="Train"), a_pipeline(name="train", namespace="n"))
    with pytest.raises(AlreadyExists):
        await keep(store, a_pipeline(name="train"))


async def test_tags_that_are_given_replace_all_tags_of_a_pipeline(store: SqlStore) -> None:
    pipeline = a_pipeline(tags={"a": "1", "b": "2"})
    await keep(store, pipeline)
    await store.write(lambda tx: tx.pipelines.update(pipeline.id, display_name="shown", tags=None))
    assert await get(store, pipeline.id) == replace(pipeline, display_name="shown")
    await store.write(lambda tx: tx.pipelines.update(pipeline.id, display_name=None, tags={"b": "3"}))
    assert await get(store, pipeline.id) == replace(pipeline, display_name="shown", tags={"b": "3"})
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.pipelines.update("nowhere", display_name=None, tags={"b": "3"}))


async def test_deleting_a_pipeline_that_has_versions_raises_inuse_unless_they_are_deleted_with_it(
    store: SqlStore,
) -> None:
    pipeline = a_pipeline(tags={"a": "1"})
    version = a_version(pipeline.id, tags={"a": "1"})
    await keep(store, pipeline, version)
    with pytest.raises(InUse):
        await store.write(lambda tx: tx.pipelines.delete(pipeline.id, with_versions=False))
    assert await get(store, pipeline.id) == pipeline
    await store.write(lambda tx: tx.pipelines.delete(pipeline.id, with_versions=True))
    with pytest.raises(RowNotFound):
        await store.read(lambda tx: tx.pipeline_versions.get(version.id))
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.pipelines.delete(pipeline.id, with_versions=True))
