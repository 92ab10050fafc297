"""Lists as SQL: predicates and a keyset position become a WHERE clause; the result is a page and the total.

The per-table files of this package call `page` with the scope and the columns.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, Table, and_, exists, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.contract import Listing, Page
from storage.digests import text_digest
from storage.fields import SORTED_CHARACTERS, TAG_PREFIX, Field, FieldKind
from storage.filters import Operation, Order, Predicate
from storage.pages import Cursor
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import inline_literal

_SECOND = 1_000_000  # times are stored in microseconds

Record = TypeVar("Record")


async def page(
    connection: AsyncConnection,
    dialect: Dialect,
    listing: Listing,
    *,
    table: FromClause,
    columns: Sequence[ColumnElement[Any]],
    scope: Sequence[ColumnElement[bool]],
    record: Callable[[Any], Record],
    join: FromClause | None = None,
    tags: Table | None = None,
) -> Page[Record]:
    """Return one page and the size of the whole list, with two statements in the caller's snapshot.

    A record is made from a row whose last element is the sort key; `join` adds tables that only the columns need; tag
    predicates use the table `tags`, whose first column is the row's id.
    """
    conditions = [*scope, *(condition(dialect, table, predicate, tags) for predicate in listing.predicates)]
    key = sort_key(table, listing.order.field)
    statement = select(*columns, key.label("sort_key")).select_from(table if join is None else join).where(*conditions)
    if listing.after is not None:
        statement = statement.where(_after_cursor(table, listing.order, listing.after))
    statement = _order_by(statement, table, listing.order).limit(listing.page_size + 1)
    rows = (await connection.execute(statement)).all()
    count = select(func.count()).select_from(table).where(*conditions)
    total = (await connection.execute(count)).scalar_one()
    page_rows = rows[: listing.page_size]
    last = page_rows[-1] if len(rows) > listing.page_size else None
    return Page(
        rows=[record(row) for row in page_rows],
        total_size=total,
        next=None if last is None else Cursor(value=last.sort_key, id=last.id),
    )


def sort_key(table: FromClause, field: Field) -> ColumnElement[Any]:
    """Return the expression that rows are sorted by: the column, or the first characters of a long one."""
    column = table.c[field.column]
    return func.substr(column, 1, SORTED_CHARACTERS) if field.long else column


def _order_by(statement: Select[Any], table: FromClause, order: Order) -> Select[Any]:
    terms: list[ColumnElement[Any]] = []
    if order.field.nullable:
        # Databases sort NULL differently by default, and MySQL lacks NULLS FIRST.
        terms.append(table.c[order.field.column].is_not(None))
    if order.field.column != "id":
        terms.append(sort_key(table, order.field))
    terms.append(table.c.id)
    return statement.order_by(*(term.desc() if order.descending else term.asc() for term in terms))


def _after_cursor(table: FromClause, order: Order, cursor: Cursor) -> ColumnElement[bool]:
    """Return a condition: the row comes after a cursor, in the order's direction."""
    later_id = table.c.id < cursor.id if order.descending else table.c.id > cursor.id
    if order.field.column == "id":
        return later_id
    column, key = table.c[order.field.column], sort_key(table, order.field)
    if cursor.value is None:
        later_null = and_(column.is_(None), later_id)
        return later_null if order.descending else or_(column.is_not(None), later_null)
    later_key = key < cursor.value if order.descending else key > cursor.value
    # With the bound, every database uses its index; with row values such as (a, b) > (c, d), MySQL would not.
    bound = key <= cursor.value if order.descending else key >= cursor.value
    later = and_(bound, or_(later_key, later_id))
    if order.field.nullable and order.descending:
        return or_(later, column.is_(None))
    return later


def condition(
    dialect: Dialect, table: FromClause, predicate: Predicate, tags: Table | None = None
) -> ColumnElement[bool]:
    """Return one predicate as SQL; values are always bound."""
    field, operation, values = predicate.field, predicate.operation, predicate.values
    if field.kind is FieldKind.TAG:
        assert tags is not None, "only lists with tags have fields of this kind"
        key = field.key.removeprefix(TAG_PREFIX)
        return exists().where(tags.columns[0] == table.c.id, tags.c.key == key, tags.c.value == values[0])
    column: ColumnElement[Any] = table.c[field.column]
    if operation is Operation.IN and not values:
        return false()
    if field.kind is FieldKind.TIME:
        time = column if field.absent is None else func.coalesce(column, field.absent)
        return _time_condition(time, operation, values)
    if operation is Operation.IS_SUBSTRING:
        return dialect.contains(column, values[0])
    if operation is Operation.IN:
        return and_(*_digest(table, field, values), column.in_(values))
    if operation is Operation.EQUALS:
        return and_(*_digest(table, field, values), column == values[0])
    return _COMPARISONS[operation](column, values[0])


def _digest(table: FromClause, field: Field, values: Sequence[str]) -> list[ColumnElement[bool]]:
    """Return conditions on the digest, which has an index: equal texts have equal digests."""
    if field.digest_column is None or "" in values:
        return []
    digests = [text_digest(value) for value in values]
    return [table.c[field.digest_column].in_(digests), table.c[field.digest_column] != inline_literal("")]


_COMPARISONS: dict[Operation, Callable[[Any, Any], ColumnElement[bool]]] = {
    Operation.NOT_EQUALS: lambda column, value: column != value,
    Operation.GREATER_THAN: lambda column, value: column > value,
    Operation.GREATER_THAN_EQUALS: lambda column, value: column >= value,
    Operation.LESS_THAN: lambda column, value: column < value,
    Operation.LESS_THAN_EQUALS: lambda column, value: column <= value,
}


def _time_condition(column: ColumnElement[Any], operation: Operation, values: Sequence[Any]) -> ColumnElement[bool]:
    """Compare with an interval [start, end): a time in a filter covers a second, or a microsecond if it has a fraction."""
    if operation is Operation.IN:
        return _seconds_condition(column, values)
    start, end = values
    conditions: dict[Operation, ColumnElement[bool]] = {
        Operation.EQUALS: and_(column >= start, column < end),
        Operation.NOT_EQUALS: or_(column < start, column >= end),
        Operation.GREATER_THAN: column >= end,
        Operation.GREATER_THAN_EQUALS: column >= start,
        Operation.LESS_THAN: column < start,
        Operation.LESS_THAN_EQUALS: column < end,
    }
    return conditions[operation]


def _seconds_condition(column: ColumnElement[Any], seconds: Sequence[tuple[int, int]]) -> ColumnElement[bool]:
    """Return one list, not one OR per second: SQLite refuses a thousand ORs, and each would bind two values."""
    starts = [start for start, end in seconds if start < end]
    if not starts:
        return false()
    # The remainder of a time before 1970 is negative on every database, hence the second remainder. An index cannot
    # find the second of a time, but can use the bounds.
    second = column - (column % _SECOND + _SECOND) % _SECOND
    return and_(column >= min(starts), column < max(starts) + _SECOND, second.in_(starts))
