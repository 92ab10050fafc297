"""Whatever happens between two pages, every row that is there all the while comes exactly once."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.contract import Listing
from storage.fields import ARTIFACT_LIST
from storage.ids import new_id
from storage.model import Artifact
from storage.sql.store import SqlStore
from tests.contract.builders import an_artifact
from tests.contract.listings import listing

# A fresh namespace is a fresh list, so examples can share a database. The profile's own number is for pure functions.
on_a_database = settings(
    max_examples=settings().max_examples // 3, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

keys = st.sampled_from([None, 0.0, 1.0, -1.0])
texts = st.sampled_from([None, "", "a", "A", "b", "😀", "a" * 255 + "x", "a" * 255 + "y"])
rows = st.tuples(st.integers(0, 9), keys, texts)
sorts = st.sampled_from(["number_value", "uri", "created_at", "id", "name", "metadata", "type"])
changes = st.lists(st.tuples(st.lists(rows, max_size=2), st.lists(st.integers(0, 20), max_size=2)), max_size=8)


def an_artifact_at(namespace: str, place: int, key: float | None, text: str | None) -> Artifact:
    """An artifact whose id sorts by its place first."""
    return an_artifact(
        id=f"{place}{new_id()}",
        namespace=namespace,
        number_value=key,
        uri=text,
        metadata=text,
        name=(text or "none")[:128],
        created_at=int(key or 0),
    )


async def create(store: SqlStore, artifacts: list[Artifact]) -> None:
    if artifacts:
        await store.write(lambda tx: tx.artifacts.create(artifacts))


async def delete(store: SqlStore, id: str) -> None:
    """No call of the store deletes an artifact."""
    async with store.engines[0].begin() as connection:
        await connection.exec_driver_sql(f"DELETE FROM artifacts WHERE id = '{id}'")


@on_a_database
@given(
    stable=st.lists(rows, max_size=14),
    sort=sorts,
    descending=st.booleans(),
    page_size=st.integers(1, 6),
    changes=changes,
)
async def test_each_row_that_stays_comes_exactly_once(
    store: SqlStore, stable: list[Any], sort: str, descending: bool, page_size: int, changes: list[Any]
) -> None:
    namespace = new_id()[-12:]
    stable_rows = [an_artifact_at(namespace, *row) for row in stable]
    await create(store, stable_rows)
    request = listing(ARTIFACT_LIST, f"{sort} {'desc' if descending else 'asc'}", page_size=page_size)
    listed_ids, deleted_ids = await walk(store, namespace, request, [each.id for each in stable_rows], changes=changes)
    remaining_ids = {each.id for each in stable_rows} - deleted_ids
    assert remaining_ids <= set(listed_ids)
    assert len(listed_ids) == len(set(listed_ids))


async def walk(
    store: SqlStore, namespace: str, request: Listing, ids: list[str], *, changes: list[Any]
) -> tuple[list[str], set[str]]:
    """The ids of all pages, and those of rows that were deleted between them."""
    listed_ids: list[str] = []
    deleted_ids: set[str] = set()
    pending = iter(changes)
    while True:
        page = await store.read(lambda tx, request=request: tx.artifacts.list(request, namespace=namespace))  # type: ignore[misc]
        listed_ids += [row.id for row in page.rows]
        if page.next is None:
            return listed_ids, deleted_ids
        request = replace(request, after=page.next)
        new, victims = next(pending, ((), ()))
        for victim in victims:
            deleted_ids.add(ids[victim % len(ids)])
            await delete(store, ids[victim % len(ids)])
        created = [an_artifact_at(namespace, *row) for row in new]
        await create(store, created)
        ids = ids + [each.id for each in created]
