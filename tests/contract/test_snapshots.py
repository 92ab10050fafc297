"""A page and its total belong to one moment, however busy the writers are."""

import asyncio
from collections.abc import Callable
from typing import Any

from storage.contract import Page, WriteTx
from storage.fields import ARTIFACT_LIST
from storage.model import Artifact
from storage.sql.store import SqlStore
from tests.contract.builders import an_artifact, keep
from tests.contract.listings import listing
from tests.contract.watching import statements

BULK = 25


async def test_the_total_counts_every_row_of_the_list_whatever_the_page(store: SqlStore) -> None:
    await keep(store, *(an_artifact() for _ in range(5)))
    first = await page(store, page_size=2)
    second = await store.read(
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, page_size=3, after=first.next), namespace=None)
    )
    assert [(len(each.rows), each.total_size) for each in (first, second)] == [(2, 5), (3, 5)]


async def test_with_total_says_whether_the_rows_of_the_whole_list_are_counted(store: SqlStore) -> None:
    await keep(store, *(an_artifact() for _ in range(2)))
    with statements(store) as log:
        await page(store, with_total=True)
        await page(store, with_total=False)
    assert ["count(*)" in each.text for each in log] == [False, True, False]


async def test_it_is_0_when_the_list_was_asked_for_without_it(store: SqlStore) -> None:
    await keep(store, *(an_artifact() for _ in range(2)))
    found = await page(store, page_size=1, with_total=False)
    assert (len(found.rows), found.total_size, found.next is None) == (1, 0, False)


async def test_the_last_page_has_no_next(store: SqlStore) -> None:
    assert await page(store, page_size=2) == Page([], 0, None)
    await keep(store, *(an_artifact() for _ in range(2)))
    assert (await page(store, page_size=1)).next is not None
    assert (await page(store, page_size=2)).next is None
    assert (await page(store, page_size=3)).next is None


async def test_a_page_and_its_total_show_all_of_a_bulk_or_nothing(
    store: SqlStore, rounds: Callable[[int, int], int]
) -> None:
    bulks, totals = rounds(40, 500), set()

    async def write() -> None:
        for _ in range(bulks):
            await store.write(create_bulk)

    writing = asyncio.create_task(write())
    while not writing.done():
        answer = await page(store, page_size=BULK * bulks)
        assert answer.total_size == len(answer.rows)
        assert answer.total_size % BULK == 0
        totals.add(answer.total_size)
    await writing
    assert len(totals) > 2, "the reader never met the writer"


async def create_bulk(tx: WriteTx) -> None:
    for artifact in [an_artifact() for _ in range(BULK)]:
        await tx.artifacts.create([artifact])


async def page(store: SqlStore, **changes: Any) -> Page[Artifact]:
    return await store.read(lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, **changes), namespace=None))
