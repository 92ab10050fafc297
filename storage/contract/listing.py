"""How rows are locked and listed, in the contracts of all tables."""

from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

from storage.filters import Order, Predicate
from storage.pages import Cursor
from storage.record import record

Record = TypeVar("Record")


class Lock(Enum):
    """How a row that is read is locked until the transaction ends."""

    NONE = "none"
    SHARE = "share"
    UPDATE = "update"


@record
class Listing:
    """What a list returns: which rows, in which order, starting where.

    Rows with equal sort values are sorted by id, in the same direction. Text is sorted by its bytes. Long text is sorted by its first 255
    characters. NULL is sorted before every value. A row must satisfy every predicate.
    `with_total` says whether the rows of the whole list are counted.
    """

    order: Order
    page_size: int
    predicates: tuple[Predicate, ...] = ()
    after: Cursor | None = None
    with_total: bool = True


@record
class Page(Generic[Record]):
    """One page of a list: its rows, the size of the list, and where the next page starts.

    The total counts every row of the list, whatever the page. It is 0 when the list was asked for without it. The last page has
    no next.
    """

    rows: Sequence[Record]
    total_size: int
    next: Cursor | None
