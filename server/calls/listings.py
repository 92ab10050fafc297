"""Converts list requests (page size, sort, filter, token) to Listings, and issues page tokens. Used by every list RPC."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.calls.call import Call
from server.errors import InvalidArgument
from storage.contract import Listing, Page
from storage.fields import Listable


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What all list requests have in common; `scope` has the other limits of the list, and its tokens are bound to them."""

    name: str
    listable: Listable
    scope: Sequence[object]
    page_size: int
    page_token: str
    order_text: str
    filter_text: str

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
    return Listing(order=order, page_size=size, predicates=predicates, after=after)


def next_token(call: Call, request: ListRequest, listing: Listing, page: Page[Any]) -> str:
    """Return the token of the next page, "" on the last one."""
    if page.next is None:
        return ""
    return call.tokens.issue(
        request.name, request.scope, order=listing.order, predicates=listing.predicates, cursor=page.next
    )
