"""Pieces of HTML for notebooks: every value escaped, inline styles that inherit the notebook's colours, nothing loaded.

Notebooks drop scripts and, unless they are trusted, style sheets; what is here needs neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from types import MappingProxyType

from lineal._texts import ABSENT, duration_words, printable, short_id, time_words

ROWS_MAX = 20
"""How many rows a table has before it says how many more there are."""

TEXT_MAX = 300
"""How many characters of a text are shown."""

GOOD, BAD, BUSY, WAITING, REUSED, QUIET = "#2b9658", "#d64545", "#2f81d6", "#b7791f", "#7d70e0", "#808080"
"""Colours of signs; words have the notebook's own. Each is told from a white and from a black page (3:1 and more)."""

STATE_SIGNS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "SUCCEEDED": (GOOD, "✓"),
        "CACHED": (REUSED, "↺"),
        "FAILED": (BAD, "✕"),
        "RUNNING": (BUSY, "▶"),
        "PENDING": (WAITING, "…"),
        "CANCELING": (WAITING, "◌"),
        "PAUSED": (WAITING, "‖"),
        "CANCELED": (QUIET, "⊘"),
        "SKIPPED": (QUIET, "»"),
        "AVAILABLE": (QUIET, "•"),
        "ARCHIVED": (QUIET, "▣"),
    }
)
"""The colour and the sign of each state."""

_LINK = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_CELL = "text-align:left;vertical-align:top;padding:.15em .8em .15em 0;border:0;background:none;white-space:normal"
# Browsers' blue cannot be read on black, and not every notebook has a color of its own for links.
_LINK_STYLE = "color:inherit;text-decoration:underline"
_FAINT = "opacity:.7"


class Markup(str):
    """A text that is HTML; every other text is escaped where it is put into one."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Return a value as HTML: markup as it is, anything else escaped, on one line and cut; a dash for nothing."""
    if isinstance(value, Markup):
        return value
    words = ABSENT if value is None or value == "" else printable(str(value))
    return Markup(escape(words if len(words) <= TEXT_MAX else words[: TEXT_MAX - 1] + "…"))


def joined(values: Iterable[object], between: str = " ") -> Markup:
    """Return values one after the other."""
    return Markup(between.join(map(text, values)))


def link(address: str, shown: object) -> Markup:
    """Return a link that opens a tab of its own; what is shown alone, if the address is not one of http or https."""
    if not _LINK.match(address):
        return text(shown)
    return Markup(
        f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer" style="{_LINK_STYLE}">{text(shown)}</a>'
    )


def uri(value: str) -> Markup:
    """Return a uri, which is a link only if a browser can open it and nothing else can happen."""
    return link(value, code(value)) if value else text("")


def code(value: str) -> Markup:
    """Return a text in the letters of programs."""
    return Markup(f'<code style="background:none;color:inherit;padding:0">{text(value)}</code>') if value else text("")


def identifier(value: str) -> Markup:
    """Return the end of an id; all of it is the title."""
    if not value:
        return text("")
    return Markup(f'<span title="{text(value)}" style="white-space:nowrap">{code(short_id(value))}</span>')


def faint(value: object) -> Markup:
    """Return a value that is read last."""
    return Markup(f'<span style="{_FAINT}">{text(value)}</span>')


def state(name: str) -> Markup:
    """Return a state as a sign and a word."""
    if not name:
        return text("")
    color, sign = STATE_SIGNS.get(name, (QUIET, "?"))
    word = text(name.capitalize())
    return Markup(
        f'<span style="white-space:nowrap"><span aria-hidden="true" style="color:{color}">{sign}</span> {word}</span>'
    )


def time(when: datetime | None) -> Markup:
    """Return a time in UTC."""
    if when is None:
        return text("")
    words = time_words(when)
    stamp = words.replace(" ", "T") + "Z"
    return Markup(f'<time datetime="{stamp}" title="{words} UTC" style="white-space:nowrap">{words[:-3]} UTC</time>')


def duration(span: timedelta | None) -> Markup:
    """Return a length of time."""
    return Markup(f'<span style="white-space:nowrap">{text(duration_words(span))}</span>')


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Markup:
    """Return a table."""
    line = "border-bottom:1px solid rgba(128,128,128,.4)"
    cells = "".join(f'<th scope="col" style="{_CELL};{line}">{text(each)}</th>' for each in head)
    body = "".join("<tr>" + "".join(f'<td style="{_CELL}">{text(cell)}</td>' for cell in row) + "</tr>" for row in rows)
    return Markup(
        '<table style="border-collapse:collapse;border:0;margin:.3em 0;font-size:inherit;color:inherit">'
        f"<thead><tr>{cells}</tr></thead><tbody>{body}</tbody></table>"
    )


def facts(pairs: Iterable[tuple[str, object]]) -> Markup:
    """Return names with values, those without a value left out."""
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL};font-weight:normal;{_FAINT}">{text(name)}</th>'
        f'<td style="{_CELL}">{text(value)}</td></tr>'
        for name, value in pairs
        if value not in (None, "", ABSENT)
    )
    if not rows:
        return Markup("")
    return Markup(
        '<table style="border-collapse:collapse;border:0;margin:.3em 0;font-size:inherit;color:inherit">'
        f"<tbody>{rows}</tbody></table>"
    )


def few_facts(pairs: Sequence[tuple[str, object]]) -> Markup:
    """Return the first names with values, and how many more there are."""
    left_out = len(pairs) - ROWS_MAX
    more = faint(f"… and {left_out} more") if left_out > 0 else Markup("")
    return Markup(facts((name, text(value)) for name, value in pairs[:ROWS_MAX]) + more)


def section(title: str, content: str, *, is_open: bool = False) -> Markup:
    """Return something that is unfolded by a click; nothing if it is empty."""
    if not content:
        return Markup("")
    opened = " open" if is_open else ""
    return Markup(
        f'<details{opened} style="margin:.2em 0"><summary style="cursor:pointer">{text(title)}</summary>{content}</details>'
    )


def card(title: object, *parts: str) -> Markup:
    """Return all that is shown of one thing."""
    return Markup(
        f'<div class="lineal" style="line-height:1.5;overflow-x:auto"><div>{text(title)}</div>{"".join(parts)}</div>'
    )


def lines(rows: Iterable[str]) -> Markup:
    """Return lines of markup in letters of one width."""
    return Markup(
        '<pre style="background:none;color:inherit;border:0;margin:.3em 0;padding:0;line-height:1.4;white-space:pre">'
        + "\n".join(rows)
        + "</pre>"
    )
