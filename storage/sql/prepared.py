"""Statements of SQLAlchemy Core, compiled once, so that a driver executes them without SQLAlchemy in between.

For a statement that takes a database 20 µs SQLAlchemy takes 200: each time it makes a key of the statement, an execution context,
and a result whose columns have names. Here the same text is executed with the same values, and rows are the driver's.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ClauseElement, Connection, Float, Integer, String
from sqlalchemy import Dialect as SqlDialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TupleType, TypeEngine

EXPANSIONS_MAX = 32
"""For how many combinations of lengths a statement with lists of values keeps its text."""

Values = Mapping[str, Any]
Processor = Callable[[Any], Any]
Arguments = tuple[Any, ...]


class _Argument:
    """A value of a statement: one that it is executed with, or else its own."""

    __slots__ = ("default", "has_rows", "is_required", "key", "name", "process")

    def __init__(self, compiled: SQLCompiler, name: str) -> None:
        bound = next(each for each, its_name in compiled.bind_names.items() if its_name == name)
        self.name, self.key, self.is_required, self.default = name, bound.key, bound.required, bound.effective_value
        self.has_rows = isinstance(bound.type, TupleType)
        """Whether it is a list of rows, each of whose values is bound."""
        self.process: Processor | None = bound.type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect)

    def sent(self, values: Values) -> Any:
        """Return the value as it was sent."""
        value = values[self.key] if self.is_required else values.get(self.key, self.default)
        return list(chain.from_iterable(value)) if self.has_rows else value

    def bound(self, value: Any) -> Any:
        """Return what the driver takes for a value."""
        return value if self.process is None else self.process(value)


def _result_processor(type_: TypeEngine[Any], dialect: SqlDialect) -> Processor | None:
    """Return what makes a driver's value one of the type; every driver returns texts and numbers as they are."""
    if isinstance(type_, String | Integer | Float):
        return None
    return type_.dialect_impl(dialect).result_processor(dialect, None)


Place = tuple[_Argument, int | None]
"""An argument, and the position in it if it is a list of which each element is bound."""


class Prepared:
    """A statement for one database: its text, and how values become arguments, and a driver's rows the statement's.

    `names` are those of the values that it is executed with, which an INSERT has its columns from.
    """

    def __init__(self, statement: ClauseElement, dialect: SqlDialect, names: Sequence[str], *, many: bool) -> None:
        compiled: Any = statement.compile(dialect=dialect, column_keys=list(names), for_executemany=many)
        self._text = str(compiled.string)
        # MySQL's text for lists depends on their lengths.
        self._lists = [_Argument(compiled, compiled.bind_names[bound]) for bound in compiled.post_compile_params]
        # It has the statement itself, which would never be forgotten.
        self._compiled: SQLCompiler | None = compiled if self._lists else None
        self._arguments = {name: _Argument(compiled, name) for name in compiled.positiontup or ()}
        self._plan = [self._arguments[name] for name in compiled.positiontup or ()]
        is_plain = all(each.is_required and each.process is None for each in self._plan)
        self._keys = [each.key for each in self._plan] if is_plain else None
        self._expanded: OrderedDict[tuple[int, ...], tuple[str, list[Place]]] = OrderedDict()
        columns = getattr(statement, "exported_columns", ())
        processors = [_result_processor(each.type, dialect) for each in columns]
        self._row_processors = processors if any(processors) else None
        self.returns_rows = bool(processors)
        """Whether the statement returns rows, and not how many it has changed."""

    def bind(self, values: Values) -> tuple[str, Arguments]:
        """Return the text and its arguments, in order. Raises KeyError for a value that is missing."""
        if self._lists:
            return self._expand(values)
        if self._keys is not None:
            return self._text, tuple([values[key] for key in self._keys])
        return self._text, tuple([each.bound(each.sent(values)) for each in self._plan])

    def rows(self, rows: Sequence[Any]) -> Sequence[Any]:
        """Return the rows of a driver with the values that the statement's columns have."""
        processors = self._row_processors
        if processors is None:
            return rows
        return [
            tuple(
                [value if process is None else process(value) for process, value in zip(processors, row, strict=True)]
            )
            for row in rows
        ]

    def _expand(self, values: Values) -> tuple[str, Arguments]:
        lengths = tuple([len(each.sent(values)) for each in self._lists])
        known = self._expanded.get(lengths)
        if known is None:
            known = self._expanded[lengths] = self._expansion(values)
            if len(self._expanded) > EXPANSIONS_MAX:
                self._expanded.popitem(last=False)
        text, places = known
        sent = {argument: argument.sent(values) for argument in self._plan}
        return text, tuple(
            [argument.bound(sent[argument] if index is None else sent[argument][index]) for argument, index in places]
        )

    def _expansion(self, values: Values) -> tuple[str, list[Place]]:
        """Return the text for lists of these lengths, and where the value at each of its positions comes from."""
        assert self._compiled is not None
        state = self._compiled.construct_expanded_state(dict(values))
        places: dict[str, Place] = {name: (argument, None) for name, argument in self._arguments.items()}
        for name, elements in state.parameter_expansion.items():
            places |= {element: (self._arguments[name], index) for index, element in enumerate(elements)}
        return state.statement, [places[name] for name in state.positiontup or ()]


_NO_NAMES = ()


class PreparedStatements:
    """The statements of a store, each compiled when it is first executed.

    Those that nobody holds any more are forgotten, but for those with lists of values.
    """

    def __init__(self, dialect: SqlDialect) -> None:
        self._dialect = dialect
        self._forms: WeakKeyDictionary[ClauseElement, dict[tuple[object, ...], Prepared]] = WeakKeyDictionary()

    def of(self, statement: ClauseElement, values: Values, *, many: bool = False) -> Prepared:
        """Return a statement that someone holds, for values of these names; `many` if it is executed with many such."""
        forms = self._forms.get(statement)
        if forms is None:
            forms = self._forms[statement] = {}
        # What is inserted or updated may depend on which values there are.
        key = (many, *values) if statement.is_dml else _NO_NAMES
        prepared = forms.get(key)
        if prepared is None:
            prepared = forms[key] = Prepared(statement, self._dialect, tuple(values), many=many)
        return prepared

    def bind_many(self, statement: ClauseElement, values: Sequence[Values]) -> tuple[str, list[Arguments]]:
        """Return the text of a statement, and the arguments for each of several values, of which there is at least one."""
        prepared = self.of(statement, values[0], many=True)
        bound = [prepared.bind(each) for each in values]
        return bound[0][0], [arguments for _, arguments in bound]


def driver_error(text: str | None, error: Exception, *, is_closed: bool = False) -> DBAPIError:
    """Return the error that SQLAlchemy would raise for a driver's, without values. What has no text failed while it connected."""
    return DBAPIError(text, None, error, hide_parameters=True, connection_invalidated=is_closed)


class Rows:
    """What a statement has returned, all of it in memory; like SQLAlchemy's Result, of which it has what is used here."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: Sequence[Any], rowcount: int = -1) -> None:
        self._rows = rows
        self.rowcount = rowcount
        """How many rows an UPDATE or DELETE has matched, or an INSERT inserted."""

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> Sequence[Any]:
        """Return all rows."""
        return self._rows

    def first(self) -> Any:
        """Return the first row, None if there is none."""
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        """Return the only row."""
        (row,) = self._rows
        return row

    def scalar(self) -> Any:
        """Return the first value of the first row, None if there is none."""
        return self._rows[0][0] if self._rows else None

    def scalar_one(self) -> Any:
        """Return the first value of the only row."""
        return self.one()[0]

    def scalars(self) -> Sequence[Any]:
        """Return the first value of each row."""
        return [row[0] for row in self._rows]


def announce(connection: Connection | AsyncConnection, text: str, arguments: Any) -> None:
    """Tell who listens to SQLAlchemy's statements of one that a driver executes by itself."""
    connection = _sync(connection)
    if listeners := connection.dispatch.before_cursor_execute:
        for listener in listeners:
            listener(connection, None, text, arguments, None, isinstance(arguments, list))


def announce_commit(connection: AsyncConnection) -> None:
    """Tell who listens to SQLAlchemy's commits of one that a driver executes by itself."""
    for listener in _sync(connection).dispatch.commit:
        listener(_sync(connection))


def _sync(connection: Connection | AsyncConnection) -> Connection:
    if isinstance(connection, AsyncConnection):
        assert connection.sync_connection is not None
        return connection.sync_connection
    return connection
