"""Recorded calls that can be made again: what they created gets new ids each time. `limit` uses this."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.statements import Statement

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE")


@dataclass(frozen=True, slots=True)
class Call:
    """The statements of a call, and the ids among their arguments that the call made."""

    statements: tuple[Statement, ...]
    new_ids: frozenset[str]

    def renewed(self) -> list[Statement]:
        """Return the statements with other new ids."""
        if not self.new_ids:
            return list(self.statements)
        ids = {id: str(uuid.uuid4()) for id in self.new_ids}
        return [
            (text, tuple(_replaced(one, ids) for one in arguments) if arguments else arguments)
            for text, arguments in self.statements
        ]


def replays(recorded: Sequence[Sequence[Statement]]) -> list[Call]:
    """Return calls that can be made again; an id is new if one call alone inserts it."""
    counts: dict[str, int] = {}
    ids = [_inserted_ids(statements) for statements in recorded]
    for one in ids:
        for id in one:
            counts[id] = counts.get(id, 0) + 1
    return [
        Call(tuple(statements), frozenset(id for id in one if counts[id] == 1))
        for statements, one in zip(recorded, ids, strict=True)
    ]


def writes(statement: str) -> bool:
    """Return whether a statement writes."""
    return bool(re.search(rf"\b({'|'.join(_WRITES)})\b", statement.upper().replace("FOR UPDATE", "")))


def _inserted_ids(statements: Sequence[Statement]) -> set[str]:
    texts = (one for text, arguments in statements if "INSERT" in text.upper() for one in arguments or ())
    return {text for text in (_text(one) for one in texts) if _ID.fullmatch(text)}


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
