"""List requests: page size, sort, filter and token become a Listing; a Page gets its token. Used by every list RPC."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from server.calls.call import Call
from server.errors import InvalidArgument
from storage.contract import Listing, Page
from storage.fields import Listable


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What all list requests have in common; `scope` is what else limits the list, and binds its tokens."""

    name: str
    listable: Listable
    scope: Sequence[object]
    page_size: int
    page_token: str
    order_text: str
    filter_text: str

    @classmethod
    def of(cls, request: Any, name: str, *, listable: Listable, scope: Sequence[object] = ()) -> "ListRequest":
        """Return what a request of the wire asks of the list of the name."""
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
    """Return what the store is to list; raises InvalidArgument, InvalidFilter, InvalidOrder, InvalidPage."""
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
    """Return the token of the page after this one, empty on the last."""
    if page.next is None:
        return ""
    return call.tokens.issue(
        request.name, request.scope, order=listing.order, predicates=listing.predicates, cursor=page.next
    )
