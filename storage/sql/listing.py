"""Lists as SQL: predicates and a keyset position become a WHERE clause; the result is a page and the total.

The per-table files of this package call `page` with the scope and the columns.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from sqlalchemy import (
    BinaryExpression,
    BindParameter,
    ColumnClause,
    ColumnElement,
    FromClause,
    Select,
    Table,
    and_,
    bindparam,
    exists,
    false,
    func,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import operators

from storage.contract import Listing, Page
from storage.digests import text_digest
from storage.fields import SORTED_CHARACTERS, TAG_PREFIX, Field, FieldKind
from storage.filters import Operation, Order, Predicate
from storage.pages import Cursor
from storage.sql.dialects.dialect import Dialect
from storage.sql.rows import inline_literal

_SECOND = 1_000_000  # times are stored in microseconds

_ALONG_INDEXES = ("id", "created_at")

PAGES_KEPT = 128
"""How many statements of lists without a filter are kept, of some twenty kilobytes each."""

_MERGED_VALUES_MAX = 16
"""For how many values the first rows with each are looked up; no enum has more."""

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
    """Return one page and the size of the whole list, with two statements in the caller's snapshot, or one without the size.

    A record is made from a row whose last element is the sort key; `join` adds tables that only the columns need; tag
    predicates use the table `tags`, whose first column is the row's id.
    """
    source = table if join is None else join
    plain = dialect.statements(PlainPages).find(listing, table, columns, scope, source)
    if plain is not None:
        statement, count, values = plain
        rows = (await connection.execute(statement, values)).all()
    else:
        rows_of = _Rows(dialect, listing, table, scope, tags)
        rows = (await connection.execute(rows_of.statement(columns, source))).all()
        count, values = _count(table, rows_of.conditions()), None
    total = 0
    if listing.with_total:
        total = (await connection.execute(count, values)).scalar_one()
    page_rows = rows[: listing.page_size]
    is_last = len(rows) <= listing.page_size
    id_at = next(position for position, column in enumerate(columns) if column.key == "id")
    return Page(
        rows=[record(row) for row in page_rows],
        total_size=total,
        next=None if is_last else Cursor(value=page_rows[-1][-1], id=page_rows[-1][id_at]),
    )


def _count(table: FromClause, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(func.count()).select_from(table).where(*conditions)


class PlainPages:
    """The statements of pages of lists without a filter, whose scope is some columns' values: most pages are such.

    Each is built once per table, columns, scope, order and whether it is a first page; the latest PAGES_KEPT are kept.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pages: OrderedDict[tuple[object, ...], tuple[Select[Any], Select[Any]]] = OrderedDict()

    def find(
        self,
        listing: Listing,
        table: FromClause,
        columns: Sequence[ColumnElement[Any]],
        scope: Sequence[ColumnElement[bool]],
        source: FromClause,
    ) -> tuple[Select[Any], Select[Any], dict[str, Any]] | None:
        """Return the statement of a page, that of the total, and what to bind; None for a list of another kind."""
        values: dict[str, Any] = {"page_size": listing.page_size + 1}
        if listing.predicates or not all(map(_is_equality, scope)):
            return None
        equalities: Any = scope
        limited = tuple([each.left for each in equalities])
        values |= {f"scope_{position}": each.right.value for position, each in enumerate(equalities)}
        after, order = listing.after, listing.order
        if after is not None:
            values |= {"after_value": after.value, "after_id": after.id}
        is_after_null = None if after is None else after.value is None
        key = (table, source, *columns, *limited, order.field.column, order.descending, is_after_null)
        page_statements = self._pages.get(key)
        if page_statements is None:
            page_statements = self._pages[key] = self._build(listing, table, columns, limited, source)
            if len(self._pages) > PAGES_KEPT:
                self._pages.popitem(last=False)  # never moved: several threads read
        return *page_statements, values

    def _build(
        self,
        listing: Listing,
        table: FromClause,
        columns: Sequence[ColumnElement[Any]],
        limited: Sequence[ColumnElement[Any]],
        source: FromClause,
    ) -> tuple[Select[Any], Select[Any]]:
        scope = [column == bindparam(f"scope_{position}") for position, column in enumerate(limited)]
        after: Any = None
        if listing.after is not None:
            value: Any = None if listing.after.value is None else bindparam("after_value")
            after = Cursor(value=value, id=cast(Any, bindparam("after_id")))
        rows_of = _Rows(self._dialect, replace(listing, after=after), table, scope, None, bindparam("page_size"))
        return rows_of.statement(columns, source), _count(table, scope)


def _is_equality(condition: ColumnElement[bool]) -> bool:
    is_binary = isinstance(condition, BinaryExpression) and condition.operator is operators.eq
    return is_binary and isinstance(condition.right, BindParameter) and isinstance(condition.left, ColumnClause)


class _Rows:
    """The rows of a page and one more."""

    def __init__(
        self,
        dialect: Dialect,
        listing: Listing,
        table: FromClause,
        scope: Sequence[ColumnElement[bool]],
        tags: Table | None,
        row_count: Any = None,
    ) -> None:
        self._row_count = listing.page_size + 1 if row_count is None else row_count
        self._dialect, self._listing, self._table, self._scope, self._tags = dialect, listing, table, scope, tags
        # Then an index on a state, which many rows have, would be the wrong one.
        self._is_narrow = bool(scope) or any(_names_rows(predicate) for predicate in listing.predicates)

    def statement(self, columns: Sequence[ColumnElement[Any]], source: FromClause) -> Select[Any]:
        """Return the statement: along an index if there is one, otherwise with the ids first, since whole rows are long."""
        listing, table, key = self._listing, self._table, sort_key(self._table, self._listing.order.field)
        values_of = self._one_of_some_values()
        is_along_index = listing.order.field.column in _ALONG_INDEXES or not isinstance(table, Table)
        if values_of is None and is_along_index:
            return self._limited(select(*columns, key.label("sort_key")).select_from(source).where(*self.conditions()))
        keys = self._keys(self.conditions()) if values_of is None else self._merged_keys(values_of)
        found = keys.subquery("page_keys")
        rows = select(*columns, found.c.sort_key).select_from(source.join(found, found.c.id == table.c.id))
        return _order_by(rows, table, listing.order)

    def conditions(self, instead: Predicate | None = None, value: Any = None) -> list[ColumnElement[bool]]:
        """Return the conditions on all rows of the list; one predicate may stand for a single of its values."""
        conditions = list(self._scope)
        for predicate in self._listing.predicates:
            if predicate is instead:
                conditions.append(self._table.c[predicate.field.column] == value)
            else:
                conditions.append(self._condition(predicate))
        return conditions

    def _condition(self, predicate: Predicate) -> ColumnElement[bool]:
        is_wide = self._is_narrow and predicate.field.kind is FieldKind.NAMED_ENUM
        return condition(self._dialect, self._table, predicate, self._tags, is_indexed=not is_wide)

    def _one_of_some_values(self) -> Predicate | None:
        """Return a predicate that rows have one of some values, if the index has them one after the other."""
        if self._is_narrow or self._listing.order.field.column != "created_at":
            return None
        for predicate in self._listing.predicates:
            is_list = predicate.operation is Operation.IN and 1 < len(predicate.values) <= _MERGED_VALUES_MAX
            if is_list and predicate.field.is_indexed:
                return predicate
        return None

    def _limited(self, statement: Select[Any]) -> Select[Any]:
        listing = self._listing
        if listing.after is not None:
            statement = statement.where(_after_cursor(self._table, listing.order, listing.after))
        return _order_by(statement, self._table, listing.order).limit(self._row_count)

    def _keys(self, conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
        key = sort_key(self._table, self._listing.order.field)
        return self._limited(select(self._table.c.id, key.label("sort_key")).where(*conditions))

    def _merged_keys(self, predicate: Predicate) -> Select[Any]:
        """Return the first rows of the first rows with each value: no index has those with any of them in order."""
        firsts = [self._keys(self.conditions(predicate, value)).subquery() for value in predicate.values]
        merged = union_all(*(select(first.c.id, first.c.sort_key) for first in firsts)).subquery("merged")
        terms = (merged.c.sort_key, merged.c.id)
        order = [term.desc() if self._listing.order.descending else term.asc() for term in terms]
        return select(merged.c.id, merged.c.sort_key).order_by(*order).limit(self._row_count)


def _names_rows(predicate: Predicate) -> bool:
    return predicate.field.kind is FieldKind.TEXT and predicate.operation in (Operation.EQUALS, Operation.IN)


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
    dialect: Dialect, table: FromClause, predicate: Predicate, tags: Table | None = None, *, is_indexed: bool = True
) -> ColumnElement[bool]:
    """Return one predicate as SQL; values are always bound. `is_indexed` says whether rows may be found by an index on it."""
    field, operation, values = predicate.field, predicate.operation, predicate.values
    if field.kind is FieldKind.TAG:
        assert tags is not None, "only lists with tags have fields of this kind"
        key = field.key.removeprefix(TAG_PREFIX)
        return exists().where(tags.columns[0] == table.c.id, tags.c.key == key, tags.c.value == values[0])
    column: ColumnElement[Any] = table.c[field.column] if is_indexed else dialect.without_index(table.c[field.column])
    if operation is Operation.IN and not values:
        return false()
    if field.kind is FieldKind.TIME:
        time = column if field.absent is None else func.coalesce(column, field.absent)
        return _time_condition(time, operation, values)
    if operation is Operation.IS_SUBSTRING:
        return dialect.contains(column, values[0])
    if operation is Operation.IN:
        return and_(*_by_index(table, field, values), column.in_(values))
    if operation is Operation.EQUALS:
        return and_(*_by_index(table, field, values), column == values[0])
    return _COMPARISONS[operation](column, values[0])


def _by_index(table: FromClause, field: Field, values: Sequence[Any]) -> list[ColumnElement[bool]]:
    """Return conditions that lead to an index: on the digest, since equal texts have equal digests, and that of a partial index."""
    if "" in values:
        return []
    if field.digest_column is not None:
        digest = table.c[field.digest_column]
        return [digest.in_([text_digest(value) for value in values]), digest != inline_literal("")]
    is_partial = field.is_indexed and field.kind is FieldKind.TEXT
    return [table.c[field.column] != inline_literal("")] if is_partial else []


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
