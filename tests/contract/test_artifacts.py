"""What storage.contract promises of artifacts."""

from dataclasses import replace
from typing import Any

import pytest

from storage.errors import Conflict, RowNotFound
from storage.fields import ARTIFACT_LIST
from storage.model import Artifact
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, an_artifact, keep
from tests.contract.concurrency import assert_waits
from tests.contract.listings import all_pages, ids_of, listing
from tests.contract.uris import with_uri


async def test_an_artifact_comes_back_as_it_was_kept(store: SqlStore) -> None:
    artifact = an_artifact(
        namespace="team",
        type=6,
        description="größe 📏",
        uri="s3://bucket/ü",
        uri_hash="hash",
        metadata='{"a":1}',
        number_value=0.1 + 0.2,
        identity_key="identity",
        updated_at=MOMENT + 1,
    )
    await keep(store, artifact)
    assert await store.read(lambda tx: tx.artifacts.get(artifact.id)) == artifact


async def test_numbers_come_back_to_the_last_bit(store: SqlStore) -> None:
    numbers = [0.1 + 0.2, -1e308, 5e-324, 1.7976931348623157e308, 2.0**53 + 2, -0.0, 1 / 3, 3.0]
    artifacts = [an_artifact(number_value=number) for number in numbers]
    await keep(store, *artifacts)
    first = await store.read(lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST), namespace=None))
    assert [artifact.number_value for artifact in first.rows] == numbers


async def test_raises_rownotfound_when_no_artifact_has_the_id(store: SqlStore) -> None:
    with pytest.raises(RowNotFound, match="artifact 'nowhere' not found"):
        await store.read(lambda tx: tx.artifacts.get("nowhere"))


async def test_namespaces_of_unknown_artifacts_are_left_out(store: SqlStore) -> None:
    artifact = an_artifact(namespace="team")
    await keep(store, artifact)
    assert await store.read(lambda tx: tx.artifacts.namespaces([artifact.id, "nowhere"])) == {artifact.id: "team"}


async def list_ids(store: SqlStore, namespace: str | None = None) -> list[str]:
    pages = await all_pages(
        store, lambda tx, page: tx.artifacts.list(page, namespace=namespace), listing(ARTIFACT_LIST, page_size=2)
    )
    return ids_of(pages)


async def test_artifacts_list_by_creation_time_then_id(store: SqlStore) -> None:
    second, third = an_artifact(created_at=5), an_artifact(created_at=5)
    await keep(store, third, an_artifact(id="z", created_at=4), second)
    assert await list_ids(store) == ["z", second.id, third.id]


async def test_a_namespace_limits_the_list_of_artifacts(store: SqlStore) -> None:
    artifact = an_artifact(namespace="here")
    await keep(store, artifact, an_artifact(namespace="Here"), an_artifact())
    assert await list_ids(store, "here") == [artifact.id]


async def test_an_artifact_is_found_by_the_identity_it_was_created_with(store: SqlStore) -> None:
    artifact = an_artifact(namespace="here", identity_key="identity")
    await keep(store, artifact, an_artifact(namespace="there", identity_key="identity"))
    assert await store.read(lambda tx: tx.artifacts.find_by_identity("here", "identity")) == artifact
    assert await store.read(lambda tx: tx.artifacts.find_by_identity("here", "Identity")) is None


async def find_by_uri(store: SqlStore, uri: str, namespace: str = "") -> list[Artifact]:
    return list(await store.read(lambda tx: tx.artifacts.find_by_uri(namespace, uri)))


async def test_artifacts_with_a_uri_come_oldest_first(store: SqlStore) -> None:
    old, new = an_artifact(**with_uri("s3://a"), created_at=1), an_artifact(**with_uri("s3://a"), created_at=2)
    await keep(store, new, old, an_artifact(**with_uri("s3://A")), an_artifact(**with_uri("s3://a"), namespace="x"))
    assert await find_by_uri(store, "s3://a") == [old, new]


async def test_artifacts_are_created_all_or_none(store: SqlStore) -> None:
    first = an_artifact()
    await keep(store, first)
    with pytest.raises(Conflict, match="a row with the same key already exists"):
        await store.write(lambda tx: tx.artifacts.create([an_artifact(), replace(first, name="again"), an_artifact()]))
    assert await list_ids(store) == [first.id]


async def test_creating_an_artifact_whose_identity_is_taken_returns_the_existing_artifact(store: SqlStore) -> None:
    first, second = (an_artifact(identity_key="identity", name=name) for name in ("first", "second"))
    assert await store.write(lambda tx: tx.artifacts.create_unique(first)) == first
    assert await store.write(lambda tx: tx.artifacts.create_unique(second)) == first
    assert await list_ids(store) == [first.id]


async def test_an_artifact_locked_for_update_is_not_written_by_others_until_the_transaction_ends(
    store: SqlStore,
) -> None:
    artifact = an_artifact(type=6)
    await keep(store, artifact)
    await assert_waits(
        store,
        holding=lambda tx: tx.artifacts.lock(artifact.id),
        waiting=lambda tx: tx.artifacts.lock(artifact.id),
    )


async def test_an_unknown_artifact_is_not_locked(store: SqlStore) -> None:
    with pytest.raises(RowNotFound, match="artifact 'nowhere' not found"):
        await store.write(lambda tx: tx.artifacts.lock("nowhere"))


async def test_a_metric_that_is_set_keeps_all_but_its_metadata_number_and_time_of_change(store: SqlStore) -> None:
    artifact = an_artifact(type=6, name="loss", uri="u", description="d", metadata="{}", number_value=1.0)
    other = an_artifact(type=6, metadata="{}", number_value=1.0)
    await keep(store, artifact, other)
    changes: Any = {"metadata": '{"points":2}', "number_value": None, "updated_at": MOMENT + 5}
    changed = await store.write(lambda tx: tx.artifacts.set_metric(artifact, **changes))
    assert changed == replace(artifact, **changes)
    assert await store.read(lambda tx: tx.artifacts.get(artifact.id)) == changed
    assert await store.read(lambda tx: tx.artifacts.get(other.id)) == other


async def test_it_loses_the_identity_it_was_created_with(store: SqlStore) -> None:
    artifact, again = (an_artifact(type=6, namespace="team", identity_key="i", number_value=1.0) for _ in range(2))
    await store.write(lambda tx: tx.artifacts.create_unique(artifact))
    changes: Any = {"metadata": None, "number_value": 1.0, "updated_at": MOMENT + 1}
    await store.write(lambda tx: tx.artifacts.set_metric(artifact, **changes))
    assert await store.read(lambda tx: tx.artifacts.find_by_identity("team", "i")) is None
    assert await store.write(lambda tx: tx.artifacts.create_unique(again)) == again
