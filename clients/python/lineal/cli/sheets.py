"""What is known of one thing, as `get` shows it: lines of names and values, then lists under titles."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from lineal._texts import printable
from lineal.cli import formats, terminal, words

INDENT = 2
"""How far what is under a title is moved to the right."""


class Sheet:
    """Collects what is known; values that are absent are left out."""

    def __init__(self, title: str) -> None:
        self._now = words.now()
        self._parts: list[RenderableType] = [Text(printable(title), style="bold")]
        self._lines: Table | None = None

    def line(self, name: str, value: Any) -> None:
        """Add a line: a text, number, time, duration or state; a time is shown whole."""
        if value is None or value == "":
            return
        if self._lines is None:
            self._lines = _lines()
            self._parts.append(self._lines)
        self._lines.add_row(Text(name), self._whole(value))

    def text(self, title: str, text: str, *, style: str = "") -> None:
        """Add a text of several lines under a title."""
        if text.strip():
            self._title(title)
            self._parts.append(Padding(Text(words.printable_lines(text.strip("\n")), style=style), (0, 0, 0, INDENT)))

    def table(
        self,
        title: str,
        items: Iterable[Any],
        columns: Sequence[formats.Column],
        *,
        more: str = "",
        with_head: bool = True,
    ) -> None:
        """Add a table under a title unless it has no rows; `more` says below that there is more."""
        items = list(items)
        if not items:
            return
        self._title(title)
        table = formats.table(items, columns, with_head=with_head, room=terminal.width() - INDENT)
        self._parts.append(Padding(table, (0, 0, 0, INDENT)))
        self._more(more)

    def pairs(self, title: str, pairs: Iterable[tuple[str, Any]], *, more: str = "") -> None:
        """Add names and values under a title unless there are none. They are never cut."""
        pairs = list(pairs)
        if not pairs:
            return
        self._title(title)
        table = _lines()
        for name, value in pairs:
            table.add_row(Text(printable(name)), words.shown(value, self._now))
        self._parts.append(Padding(table, (0, 0, 0, INDENT)))
        self._more(more)

    def renderable(self) -> RenderableType:
        """Return all of it."""
        return Group(*self._parts)

    def _more(self, more: str) -> None:
        if more:
            self._parts.append(Padding(Text(f"… {more}", style="dim"), (0, 0, 0, INDENT)))

    def _title(self, title: str) -> None:
        self._parts += [Text(""), Text(title, style="bold")]
        self._lines = None

    def _whole(self, value: Any) -> Text:
        if isinstance(value, datetime):
            return Text(f"{words.local_text(value, with_seconds=True)}  ({words.ago_text(self._now - value)})")
        return words.shown(value, self._now)


def _lines() -> Table:
    table = formats.empty_table(with_head=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table
