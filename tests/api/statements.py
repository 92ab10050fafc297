"""Watches and disturbs the SQL of a server in this process, through SQLAlchemy's events. Tests call it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

_NOT_COUNTED = ("BEGIN", "PRAGMA")


class Injected(Exception):
    """A failure that a test asked for."""


@dataclass
class Statements:
    """The SQL that was sent; the statement of an executemany stands there once."""

    texts: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many there were."""
        return len(self.texts)

    def clear(self) -> None:
        """Forget those of before."""
        self.texts.clear()

    def naming(self, word: str) -> list[str]:
        """Those that hold a word."""
        return [text for text in self.texts if word in text]


@contextlib.contextmanager
def _hooked(name: str, hook: Callable[..., None]) -> Iterator[None]:
    event.listen(Engine, name, hook)
    try:
        yield
    finally:
        event.remove(Engine, name, hook)


@contextlib.contextmanager
def watched(url: str) -> Iterator[Statements]:
    """Collect what is sent to the store's database; transactions and pragmas are not counted."""
    seen, database = Statements(), make_url(url).database

    def note(connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if connection.engine.url.database == database and not text.startswith(_NOT_COUNTED):
            seen.texts.append(text)

    with _hooked("before_cursor_execute", note):
        yield seen


@contextlib.contextmanager
def failing_at(url: str, number: int) -> Iterator[Statements]:
    """Let the statement of this number, counted from 1, fail before the database gets it."""
    with watched(url) as seen:

        def fail(*_: Any) -> None:
            if seen.count == number:
                seen.texts.append("failed")
                raise Injected

        with _hooked("before_cursor_execute", fail):
            yield seen


@contextlib.contextmanager
def failing_commits(url: str) -> Iterator[None]:
    """Let every COMMIT fail before the database gets it."""
    database = make_url(url).database

    def fail(connection: Any) -> None:
        if connection.engine.url.database == database:
            raise Injected

    with _hooked("commit", fail):
        yield
