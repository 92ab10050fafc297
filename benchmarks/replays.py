"""Recorded calls that can be made again: what they created gets new ids each time. `limit` uses this."""

import re
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.statements import Statement

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_INSERT = re.compile(r"INSERT INTO \S+ \(([^)]*)\)", re.IGNORECASE)
_FIRST_OF_ROW = re.compile(rf"\('({_ID.pattern})'")
"""The id of a row in a statement with its values in it, as MariaDB's driver sends several rows."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_UNIQUE = ("id", "logical_key", "identity_key")
"""Columns of which each row has its own value: a row that has one of another row would not be inserted."""

_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE")


@dataclass(frozen=True, slots=True)
class Call:
    """The statements of a call, and the ids and keys among their arguments that the call made."""

    statements: tuple[Statement, ...]
    new_ids: frozenset[str]

    def renewed(self) -> list[Statement]:
        """Return the statements with other new ids."""
        if not self.new_ids:
            return list(self.statements)
        ids = {id: str(uuid.uuid4()) if _ID.fullmatch(id) else secrets.token_hex(32) for id in self.new_ids}
        return [
            (text, tuple(_replaced(one, ids) for one in arguments))
            if arguments
            else (_ID.sub(lambda match: ids.get(match[0], match[0]), text), arguments)
            for text, arguments in self.statements
        ]


def replays(recorded: Sequence[Sequence[Statement]]) -> list[Call]:
    """Return calls that can be made again: what one inserts as the id or the key of a row is new each time."""
    return [Call(tuple(statements), frozenset(_own_values(statements))) for statements in recorded]


def writes(statement: str) -> bool:
    """Return whether a statement writes."""
    return bool(re.search(rf"\b({'|'.join(_WRITES)})\b", statement.upper().replace("FOR UPDATE", "")))


def _own_values(statements: Sequence[Statement]) -> set[str]:
    values = set[str]()
    for text, arguments in statements:
        if arguments is None:
            values.update(_FIRST_OF_ROW.findall(text))
            continue
        insert = _INSERT.search(text)
        columns = [name.strip(' "`') for name in insert[1].split(",")] if insert else []
        for name in set(_UNIQUE).intersection(columns):
            # Of several rows, each has its value at the same place.
            values.update(_text(one) for one in arguments[columns.index(name) :: len(columns)])
    return {value for value in values if _ID.fullmatch(value) or _DIGEST.fullmatch(value)}


def _text(argument: Any) -> str:
    return (
        argument.decode(errors="replace")
        if isinstance(argument, bytes)
        else argument
        if isinstance(argument, str)
        else ""
    )


def _replaced(argument: Any, ids: dict[str, str]) -> Any:
    new = ids.get(_text(argument))
    if new is None:
        return argument
    return new.encode() if isinstance(argument, bytes) else new
