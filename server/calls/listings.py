"""Converts list requests (page size, sort, filter, token) to Listings, and issues page tokens. Used by every list RPC.

A page of large rows ends before it has as many rows as were asked for.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, TypeVar

from server.calls.call import Call
from server.errors import InvalidArgument
from storage.contract import Listing, Page, ReadTx
from storage.fields import SORTED_CHARACTERS, Listable
from storage.pages import Cursor
from storage.record import record

PAGE_BYTES = 32 * 1024 * 1024
"""How much stored text a page holds, in characters; a row that would exceed it begins the next page, except on its own."""

BY_KEY_ROWS = 20
"""How many rows a page has that is read by key; SQLite reads them in less than a millisecond."""

# A page that is converted here may be so many times as large as a single value: between its rows others are answered.
_PAGE_PARTS = 8

Record = TypeVar("Record")
Answer = TypeVar("Answer")


@record
class ListRequest:
    """What all list requests have in common; `scope` has the other limits of the list, and its tokens are bound to them."""

    name: str
    listable: Listable
    scope: Sequence[object]
    page_size: int
    page_token: str
    order_text: str
    filter_text: str
    with_total: bool = True

    @classmethod
    def of(cls, request: Any, name: str, *, listable: Listable, scope: Sequence[object] = ()) -> "ListRequest":
        """Return the list request in a message of an API, for the list with the given name."""
        return cls(
            name=name,
            listable=listable,
            scope=scope,
            page_size=request.page_size,
            page_token=request.page_token,
            order_text=request.sort_by,
            filter_text=request.filter,
            with_total=not request.skip_total_size,
        )


def listing_of(call: Call, request: ListRequest, *, page_size_max: int | None = None) -> Listing:
    """Return the Listing for the store; raises InvalidArgument, InvalidFilter, InvalidOrder, InvalidPage."""
    if request.page_size < 0:
        raise InvalidArgument("page_size must not be negative")
    order, predicates, after = call.tokens.resolve(
        request.page_token,
        request.listable,
        list_name=request.name,
        scope=request.scope,
        order_text=request.order_text,
        filter_text=request.filter_text,
    )
    size = request.page_size or call.settings.page_size_default
    size = min(size, call.settings.page_size_max, page_size_max or size)
    return Listing(order=order, page_size=size, predicates=predicates, after=after, with_total=request.with_total)


def reading(call: Call, listing: Listing) -> Callable[[Callable[[ReadTx], Awaitable[Answer]]], Awaitable[Answer]]:
    """Return the method of the call's store that reads a page: a few rows that follow each other in an index are read by key."""
    is_along_index = not listing.predicates and listing.order.field.column in ("id", "created_at")
    is_short = is_along_index and not listing.with_total and listing.page_size <= BY_KEY_ROWS
    return call.store.read_by_key if is_short else call.store.read


def size_of(*fields: str) -> Callable[[Any], int]:
    """Return what adds up the lengths of the fields of a record that can be large, two or more."""
    texts_of = attrgetter(*fields)
    return lambda record: sum(map(len, filter(None, texts_of(record))))


def cut(call: Call, page: Page[Record], listing: Listing, size_of_row: Callable[[Record], int]) -> Page[Record]:
    """Return the page with as many of its rows as PAGE_BYTES allow, at least the first; its total stays.

    Raises ReadsMuch if the page should be made elsewhere.
    """
    size = largest = 0
    for count, row in enumerate(page.rows):
        size_of_this = size_of_row(row)
        size, largest = size + size_of_this, max(largest, size_of_this)
        if size > PAGE_BYTES and count:
            page = replace(page, rows=page.rows[:count], next=_cursor(page.rows[count - 1], listing))
            break
    call.check_size(max(largest, size // _PAGE_PARTS))
    return page


def _cursor(row: Any, listing: Listing) -> Cursor:
    """Return the cursor of a row, as the store makes it for the last row of a page."""
    field = listing.order.field
    value = getattr(row, field.column)
    return Cursor(value=value[:SORTED_CHARACTERS] if field.long and value is not None else value, id=row.id)


def next_token(call: Call, request: ListRequest, listing: Listing, page: Page[Any]) -> str:
    """Return the token of the next page, "" on the last one."""
    if page.next is None:
        return ""
    return call.tokens.issue(
        request.name, request.scope, order=listing.order, predicates=listing.predicates, cursor=page.next
    )
