"""What storage.contract promises of pipeline versions."""

from dataclasses import replace

import pytest

from storage.errors import AlreadyExists, RowNotFound
from storage.fields import PIPELINE_VERSION_LIST, PIPELINE_VERSIONS
from storage.filters import Operation, Predicate
from storage.model import Pipeline, PipelineVersion
from storage.sql.store import SqlStore
from tests.contract.builders import a_pipeline, a_version, keep
from tests.contract.listings import all_pages, ids_of, listing


async def get(store: SqlStore, version_id: str) -> PipelineVersion:
    return await store.read(lambda tx: tx.pipeline_versions.get(version_id))


async def a_kept_pipeline(store: SqlStore) -> Pipeline:
    pipeline = a_pipeline()
    await keep(store, pipeline)
    return pipeline


async def test_a_version_comes_with_its_specification_and_tags(store: SqlStore) -> None:
    pipeline = await a_kept_pipeline(store)
    version = a_version(
        pipeline.id,
        tags={"a": "1"},
        pipeline_spec='{"root":{}}',
        display_name="d",
        description="e",
        package_url="f",
        code_source_url="g",
    )
    await keep(store, version, a_version(pipeline.id))
    assert await get(store, version.id) == version


async def test_raises_rownotfound_when_no_version_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await get(store, "nowhere")


async def test_the_latest_version_is_the_one_created_last(store: SqlStore) -> None:
    pipeline, other = await a_kept_pipeline(store), await a_kept_pipeline(store)
    assert await store.read(lambda tx: tx.pipeline_versions.find_latest(pipeline.id)) is None
    latest = a_version(pipeline.id, created_at=9, tags={"a": "1"})
    await keep(store, latest, a_version(pipeline.id, created_at=8), a_version(other.id, created_at=10))
    assert await store.read(lambda tx: tx.pipeline_versions.find_latest(pipeline.id)) == latest


async def test_the_latest_versions_of_many_pipelines_come_at_once_without_specifications_and_tags(
    store: SqlStore,
) -> None:
    one, two, bare = [await a_kept_pipeline(store) for _ in range(3)]
    first, last = a_version(one.id, created_at=9), a_version(one.id, created_at=9, tags={"a": "1"}, pipeline_spec="{}")
    other = a_version(two.id, created_at=1)
    await keep(store, last, first, other)
    latest = await store.read(lambda tx: tx.pipeline_versions.latest_of([two.id, bare.id, one.id]))
    assert latest == {one.id: replace(last, tags={}, pipeline_spec=None), two.id: other}


async def test_names_of_unknown_versions_are_left_out(store: SqlStore) -> None:
    version = a_version((await a_kept_pipeline(store)).id)
    await keep(store, version)
    names = await store.read(lambda tx: tx.pipeline_versions.names([version.id, "nowhere"]))
    assert names == {version.id: version.name}


@pytest.mark.parametrize("with_spec", [True, False])
async def test_versions_are_listed_with_their_specifications_only_when_asked_for(
    store: SqlStore, with_spec: bool
) -> None:
    pipeline = await a_kept_pipeline(store)
    version = a_version(pipeline.id, pipeline_spec="{}")
    await keep(store, version)
    page = listing(PIPELINE_VERSION_LIST)
    listed = await store.read(lambda tx: tx.pipeline_versions.list(page, pipeline_id=pipeline.id, with_spec=with_spec))
    assert [row.pipeline_spec for row in listed.rows] == ["{}" if with_spec else None]


async def list_ids(store: SqlStore, pipeline_id: str, *predicates: Predicate) -> list[str]:
    pages = await all_pages(
        store,
        lambda tx, page: tx.pipeline_versions.list(page, pipeline_id=pipeline_id, with_spec=True),
        listing(PIPELINE_VERSION_LIST, page_size=2, predicates=predicates),
    )
    return ids_of(pages)


async def test_versions_list_by_creation_time_then_id(store: SqlStore) -> None:
    pipeline, other = await a_kept_pipeline(store), await a_kept_pipeline(store)
    second, third = a_version(pipeline.id, created_at=5), a_version(pipeline.id, created_at=5, tags={"a": "1"})
    await keep(store, third, a_version(pipeline.id, id="z", created_at=4), second, a_version(other.id))
    assert await list_ids(store, pipeline.id) == ["z", second.id, third.id]


async def test_versions_can_be_filtered_by_their_tags(store: SqlStore) -> None:
    pipeline = await a_kept_pipeline(store)
    tagged = a_version(pipeline.id, tags={"a": "1"})
    await keep(store, tagged, a_version(pipeline.id, tags={"a": "2"}), a_version(pipeline.id))
    predicate = Predicate(PIPELINE_VERSIONS["tags.a"], Operation.EQUALS, ("1",))
    assert await list_ids(store, pipeline.id, predicate) == [tagged.id]


async def test_a_version_name_that_exists_in_the_pipeline_raises_alreadyexists(store: SqlStore) -> None:
    pipeline, other = await a_kept_pipeline(store), await a_kept_pipeline(store)
    await keep(
        store, a_version(pipeline.id, name="v1"), a_version(pipeline.id, name="V1"), a_version(other.id, name="v1")
    )
    with pytest.raises(AlreadyExists):
        await keep(store, a_version(pipeline.id, name="v1"))


async def test_tags_that_are_given_replace_all_tags_of_a_version(store: SqlStore) -> None:
    version = a_version((await a_kept_pipeline(store)).id, tags={"a": "1", "b": "2"})
    await keep(store, version)
    await store.write(lambda tx: tx.pipeline_versions.update(version.id, display_name="shown", tags={}))
    assert await get(store, version.id) == replace(version, display_name="shown", tags={})
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.pipeline_versions.update("nowhere", display_name="shown", tags=None))


async def test_deleting_a_version_of_another_pipeline_raises_rownotfound(store: SqlStore) -> None:
    pipeline, other = await a_kept_pipeline(store), await a_kept_pipeline(store)
    version = a_version(pipeline.id, tags={"a": "1"})
    await keep(store, version)
    with pytest.raises(RowNotFound):
        await store.write(lambda tx: tx.pipeline_versions.delete(version.id, pipeline_id=other.id))
    await store.write(lambda tx: tx.pipeline_versions.delete(version.id, pipeline_id=pipeline.id))
    with pytest.raises(RowNotFound):
        await get(store, version.id)
