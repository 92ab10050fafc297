"""Asking for lists: a Listing from words, and walking all of its pages. Called by the store's tests."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from storage.contract import Listing, Page, ReadTx
from storage.fields import Listable
from storage.filters import Order, parse_order
from storage.sql.store import SqlStore

Ask = Callable[[ReadTx, Listing], Awaitable[Page[Any]]]
"""Asks one list for a page."""

MANY = 1000


def listing(listable: Listable, sort: str = "", *, page_size: int = MANY, **changes: Any) -> Listing:
    """The first page of a list in an order such as "name desc", by default in the list's own."""
    return Listing(order_of(listable, sort), page_size, **changes)


def order_of(listable: Listable, sort: str) -> Order:
    """An order such as "name desc"; the list's own when empty."""
    return parse_order(sort, listable.fields, listable.default_order)


async def all_pages(store: SqlStore, ask: Ask, first: Listing) -> list[Page[Any]]:
    """Every page of a list, each read on its own."""
    pages = [await store.read(lambda tx: ask(tx, first))]
    while pages[-1].next is not None:
        following = replace(first, after=pages[-1].next)
        pages.append(await store.read(lambda tx, following=following: ask(tx, following)))  # type: ignore[misc]
    return pages


def ids_of(pages: list[Page[Any]]) -> list[str]:
    """The ids of the rows of pages, in order."""
    return [row.id for page in pages for row in page.rows]
