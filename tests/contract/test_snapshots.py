"""A page and its total belong to one moment, however busy the writers are."""

import asyncio
from collections.abc import Callable

from storage.contract import Page, WriteTx
from storage.fields import ARTIFACT_LIST
from storage.model import Artifact
from storage.sql.store import SqlStore
from tests.contract.builders import an_artifact, keep
from tests.contract.listings import listing

BULK = 25


async def test_the_total_counts_every_row_of_the_list_whatever_the_page(store: SqlStore) -> None:
    await keep(store, *(an_artifact() for _ in range(5)))
    first = await page(store, page_size=2)
    second = await store.read(
        lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, page_size=3, after=first.next), namespace=None)
    )
    assert [(len(each.rows), each.total_size) for each in (first, second)] == [(2, 5), (3, 5)]


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


async def page(store: SqlStore, *, page_size: int) -> Page[Artifact]:
    return await store.read(lambda tx: tx.artifacts.list(listing(ARTIFACT_LIST, page_size=page_size), namespace=None))
