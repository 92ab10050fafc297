"""The first rows of each of many keys, in one statement: a hub has a hundred thousand rows, of which some fifty are wanted.

A window function would read them all.
"""

import functools
import importlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    String,
    bindparam,
    column,
    func,
    literal_column,
    select,
    text,
    true,
)
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.types import TypeEngine

BRANCHES = (1, 8, 64)
"""How many keys a statement has without LATERAL. Few lengths, so that few statements are prepared."""

_WITHOUT_LATERAL = ("sqlite", "mysql")
_KEY = re.compile(r":key_(\d+)\b")

OfKey = Callable[[Sequence[ColumnElement[Any]]], Select[Any]]
"""Returns the statement for one key, given its parts; it has an order and a limit."""


@functools.cache
def _without_lateral(database: str) -> SqlDialect | None:
    """Return SQLAlchemy's dialect of a database without LATERAL, None for others. It writes parameters as `:name`."""
    if database not in _WITHOUT_LATERAL:
        return None
    # Not imported for the other databases: SQLAlchemy's part for one takes as long as a door of ours.
    dialect: SqlDialect = importlib.import_module(f"sqlalchemy.dialects.{database}").dialect(paramstyle="named")
    return dialect


class LimitedEach:
    """A statement for many keys. Its rows have the position of their key, and come in no order.

    `padding` is a key that has no rows. `complete` adds to the rows of all keys, which it is given as one table. `database` is
    the name of a dialect.
    """

    def __init__(
        self,
        of_key: OfKey,
        padding: Sequence[Any],
        *,
        database: str,
        complete: Callable[[FromClause], Select[Any]] = lambda rows: select(*rows.c),
    ) -> None:
        self._of_key, self._padding = of_key, padding
        self._types: list[TypeEngine[Any]] = [String() if isinstance(each, str) else BigInteger() for each in padding]
        self._complete, self._dialect = complete, _without_lateral(database)
        self._lateral_statement = complete(self._lateral()) if self._dialect is None else None
        self._statements: dict[int, Select[Any]] = {}

    def batches(self, keys: Sequence[Sequence[Any]]) -> list[tuple[int, Select[Any], dict[str, Any]]]:
        """Return what to execute: the position of the first key, the statement and what to bind."""
        if self._lateral_statement is not None:
            arrays = {f"key_{part}": [key[part] for key in keys] for part in range(len(self._padding))}
            return [(0, self._lateral_statement, arrays)]
        batches = []
        for start in range(0, len(keys), BRANCHES[-1]):
            part_of_keys = keys[start : start + BRANCHES[-1]]
            length = next(each for each in BRANCHES if each >= len(part_of_keys))
            padded = [*part_of_keys, *[self._padding] * (length - len(part_of_keys))]
            values = {
                f"key_{number}_{part}": value for number, key in enumerate(padded) for part, value in enumerate(key)
            }
            batches.append((start, self._statement(length), values))
        return batches

    def _statement(self, length: int) -> Select[Any]:
        """Return the statement with so many branches; each is made when it is first needed, which takes some milliseconds."""
        if length not in self._statements:
            assert self._dialect is not None
            self._statements[length] = self._complete(self._branches(length, self._dialect))
        return self._statements[length]

    def _lateral(self) -> FromClause:
        names = [f"key_{part}" for part in range(len(self._types))]
        # In a subquery the planner does not see how many there are, and keeps one plan.
        arrays = [
            select(bindparam(name, type_=ARRAY(type))).scalar_subquery()
            for name, type in zip(names, self._types, strict=True)
        ]
        wanted = func.unnest(*arrays).table_valued(*map(column, names), with_ordinality="number", name="wanted")
        wanted = wanted.render_derived()
        rows = self._of_key([wanted.c[name] for name in names]).lateral("rows_of_key")
        position = (wanted.c.number - literal_column("1")).label("position")
        return select(position, *rows.c).select_from(wanted.join(rows, true())).subquery("rows_of_keys")

    def _branches(self, length: int, dialect: SqlDialect) -> FromClause:
        """Return so many branches as text: as an expression, sixty of them take SQLAlchemy a tenth of a second."""
        key = [bindparam(f"key_{part}", type_=type) for part, type in enumerate(self._types)]
        statement = self._of_key(key)
        branch = _text_of(statement, dialect)
        branches = []
        for number in range(length):
            of_number = _KEY.sub(rf":key_{number}_\1", branch)
            branches.append(f"SELECT {number} AS position, rows_{number}.* FROM ({of_number}) AS rows_{number}")
        columns = [column("position"), *(column(str(each.key), each.type) for each in statement.selected_columns)]
        return text(" UNION ALL ".join(branches)).columns(*columns).subquery("rows_of_keys")


def _text_of(statement: Select[Any], dialect: SqlDialect) -> str:
    """Return a statement with named parameters; numbers that SQLAlchemy has added, as an offset, become part of the text."""
    compiled = statement.compile(dialect=dialect)
    words = str(compiled)
    for name, value in compiled.params.items():
        if value is not None:
            words = re.sub(rf":{name}\b", str(int(value)), words)
    return words
