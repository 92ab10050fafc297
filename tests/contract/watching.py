"""Seeing exactly what a store sends. Called by the store's tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import event

from storage.sql.store import SqlStore


@dataclass(frozen=True)
class Statement:
    """One statement as the driver gets it."""

    text: str
    parameters: Any


@contextmanager
def statements(store: SqlStore) -> Iterator[list[Statement]]:
    """The statements that the store sends within the block, BEGIN and COMMIT left out."""
    log: list[Statement] = []

    def see(_connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not text.startswith("BEGIN"):
            log.append(Statement(text, parameters))

    for engine in store.sync_engines:
        event.listen(engine, "before_cursor_execute", see)
    yield log
    for engine in store.sync_engines:
        event.remove(engine, "before_cursor_execute", see)
