"""Lists that page by themselves: what every List and Search method of the clients returns.

    for run in client.list_runs(sort_by="created_at desc"): …
    client.list_runs().first(10)
    client.list_runs().total_size()

A page is asked for when its first item is; each iteration begins anew. Rows that are created or deleted meanwhile do not make
others appear twice or not at all, because the server continues behind the last row, not at a number.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from lineal.methods import METHODS

if TYPE_CHECKING:
    import pandas

Item = TypeVar("Item", bound=Message)

PAGE_SIZE = 200
"""What a page has at most, unless `page_size` says otherwise: the server's own maximum."""


class Query:
    """A list request and the parts of it that paging needs. Both kinds of listings have one."""

    def __init__(self, request: Message, items: str) -> None:
        self._request, self.items = request, items

    def page(self, token: str = "", limit: int | None = None) -> Message:
        """Return the request for a page: the first one that was asked for, or the one behind a token."""
        request = type(self._request)()
        request.CopyFrom(self._request)
        values: dict[str, Any] = {"skip_total_size": True}
        if token:
            values["page_token"] = token
        if not getattr(request, "page_size", PAGE_SIZE):
            values["page_size"] = PAGE_SIZE if limit is None else min(limit, PAGE_SIZE)
        return _with(request, values)

    def total(self) -> Message:
        """Return the request for the number of items. Raises TypeError if the method does not count."""
        if "skip_total_size" not in self._request.DESCRIPTOR.fields_by_name:
            raise TypeError(f"{self._request.DESCRIPTOR.name} does not count what it lists")
        request = type(self._request)()
        request.CopyFrom(self._request)
        return _with(request, {"skip_total_size": False, "page_size": 1, "page_token": ""})

    def kind(self) -> type[Message]:
        """Return the class of the items."""
        response = next(each.response for each in METHODS if each.request is type(self._request))
        item = response.DESCRIPTOR.fields_by_name[self.items].message_type
        return message_factory.GetMessageClass(cast(Descriptor, item))

    def items_of(self, page: Any) -> Any:
        """Return the items of a response."""
        return getattr(page, self.items)


def _with(request: Message, values: dict[str, Any]) -> Message:
    for name, value in values.items():
        if name in request.DESCRIPTOR.fields_by_name:
            setattr(request, name, value)
    return request


class Listing(Generic[Item]):
    """The items that a request lists. Iterating asks for page after page."""

    def __init__(self, send: Callable[[Message], Any], request: Message, items: str) -> None:
        self._send, self._query = send, Query(request, items)

    def __iter__(self) -> Iterator[Item]:
        """Iterate over all items."""
        for page in self.pages():
            yield from self._query.items_of(page)

    def pages(self) -> Iterator[Any]:
        """Iterate over the responses as the server sends them."""
        return self._pages(None)

    def first(self, count: int) -> list[Item]:
        """Return the first items, and no more than so many are asked for."""
        items: list[Item] = []
        for page in self._pages(_checked(count)):
            items.extend(self._query.items_of(page))
            if len(items) >= count:
                break
        return items[:count]

    def total_size(self) -> int:
        """Return the number of all items: one call, that counts them. Raises TypeError if the method does not count."""
        return int(self._send(self._query.total()).total_size)

    def to_frame(self, limit: int | None = None) -> "pandas.DataFrame":
        """Return all items, or the first ones, as a data frame of the columns of `lineal.to_frame`. Needs pandas."""
        from lineal import frames

        return frames.to_frame(self if limit is None else self.first(limit), self._query.kind())

    def _repr_html_(self) -> str:
        """Return the first items as a table, for notebooks."""
        from lineal import _notebook, html

        return html.of_listing(self.first(html.ROWS_MAX + 1), self._query.items, _notebook.ui_url())

    def _pages(self, limit: int | None) -> Iterator[Any]:
        token = ""
        while limit is None or limit > 0:
            page = self._send(self._query.page(token, limit))
            yield page
            token = page.next_page_token
            if not token:
                return
            limit = None if limit is None else limit - len(self._query.items_of(page))

    def __repr__(self) -> str:
        """Return what is listed, without asking for it."""
        return f"<Listing of {self._query.items}>"


class AsyncListing(Generic[Item]):
    """The items that a request lists. `async for` asks for page after page."""

    def __init__(self, send: Callable[[Message], Awaitable[Any]], request: Message, items: str) -> None:
        self._send, self._query = send, Query(request, items)

    async def __aiter__(self) -> AsyncIterator[Item]:
        """Iterate over all items."""
        async for page in self.pages():
            for item in self._query.items_of(page):
                yield item

    def pages(self) -> AsyncIterator[Any]:
        """Iterate over the responses as the server sends them."""
        return self._pages(None)

    async def first(self, count: int) -> list[Item]:
        """Return the first items, and no more than so many are asked for."""
        items: list[Item] = []
        async for page in self._pages(_checked(count)):
            items.extend(self._query.items_of(page))
            if len(items) >= count:
                break
        return items[:count]

    async def total_size(self) -> int:
        """Return the number of all items: one call, that counts them. Raises TypeError if the method does not count."""
        return int((await self._send(self._query.total())).total_size)

    async def to_frame(self, limit: int | None = None) -> "pandas.DataFrame":
        """Return all items, or the first ones, as a data frame of the columns of `lineal.to_frame`. Needs pandas."""
        from lineal import frames

        items = [item async for item in self] if limit is None else await self.first(limit)
        return frames.to_frame(items, self._query.kind())

    async def _pages(self, limit: int | None) -> AsyncIterator[Any]:
        token = ""
        while limit is None or limit > 0:
            page = await self._send(self._query.page(token, limit))
            yield page
            token = page.next_page_token
            if not token:
                return
            limit = None if limit is None else limit - len(self._query.items_of(page))

    def __repr__(self) -> str:
        """Return what is listed, without asking for it."""
        return f"<AsyncListing of {self._query.items}>"


def _checked(count: int) -> int:
    if count < 0:
        raise ValueError(f"count: must be at least 0, not {count}")
    return count
