"""States, times and values as people read them in a terminal, and texts that cannot harm one.

Every module of the command line that shows something calls this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any, cast

from rich.text import Text

from lineal._texts import ABSENT, duration_words, number_words, printable

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Look:
    """How a state is shown: its sign and word read without the colour, which is a style of rich."""

    sign: str
    word: str
    style: str


STATES: Mapping[str, Look] = MappingProxyType(
    {
        "SUCCEEDED": Look("✓", "succeeded", "green"),
        "CACHED": Look("↺", "cached", "cyan"),
        "FAILED": Look("✕", "failed", "bold red"),
        "RUNNING": Look("▶", "running", "blue"),
        "PENDING": Look("…", "pending", "yellow"),
        "CANCELING": Look("◌", "canceling", "yellow"),
        "PAUSED": Look("‖", "paused", "yellow"),
        "CANCELED": Look("⊘", "canceled", "dim"),
        "SKIPPED": Look("»", "skipped", "dim"),
        "AVAILABLE": Look("•", "available", ""),
        "ARCHIVED": Look("▣", "archived", "dim"),
    }
)
"""Every state of a run, a task or an experiment; runs and tasks that have none are shown as unknown."""

_UNKNOWN = Look("?", "unknown", "dim")


class State(str):
    """The name of a state, as the API has it; tables show its sign and word."""

    __slots__ = ()

    @property
    def look(self) -> Look:
        """How it is shown."""
        return STATES.get(self, _UNKNOWN)


def archived(state: State) -> Text:
    """Return a state of something that is archived, as a table shows it."""
    look = STATES["ARCHIVED"]
    return Text(f"{state.look.sign} {state.look.word}, {look.word}", style=look.style)


def one_line(text: str) -> str:
    """Return a text on one line, printable, with single spaces instead of breaks."""
    return printable(" ".join(text.split()))


def printable_lines(text: str) -> str:
    """Return a text of several lines, each of which is printable."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n"))


def between(start: datetime | None, end: datetime | None) -> timedelta | None:
    """Return how long it was from one time to another, None if either is missing or they are in the wrong order."""
    return None if start is None or end is None or end < start else end - start


def utc_text(when: datetime) -> str:
    """Return a time as programs read it: 2026-03-01T12:00:00Z, with microseconds if there are any."""
    return when.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def local_text(when: datetime, *, with_seconds: bool = False) -> str:
    """Return a time in the zone of this machine: 2026-03-01 13:00, or 2026-03-01 13:00:11 +0100."""
    try:
        local = when.astimezone()
    except (OverflowError, OSError, ValueError):  # years 1 and 9999, where a zone may have no time
        local = when
    return local.strftime("%Y-%m-%d %H:%M:%S %z" if with_seconds else "%Y-%m-%d %H:%M")


def when_text(when: datetime, now: datetime) -> str:
    """Return a time as a table shows it: "3 min ago" within the last day, else the date and time in the local zone."""
    age = now - when
    return ago_text(age) if timedelta(0) <= age < _DAY else local_text(when)


def ago_text(age: timedelta) -> str:
    """Return how long ago something was, in one unit: "just now", "3 min ago", "5 h ago", "12 d ago"."""
    seconds = int(age.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 run", "12 runs"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def shown(value: Any, now: datetime) -> Text:
    """Return a value as a cell of a table: safe for a terminal, and never read as markup."""
    if value is None or value == "":
        return Text(ABSENT, style="dim")
    if isinstance(value, Text):
        return value
    if isinstance(value, State):
        return Text(f"{value.look.sign} {value.look.word}", style=value.look.style)
    if isinstance(value, datetime):
        return Text(when_text(value, now))
    if isinstance(value, timedelta):
        return Text(duration_words(value))
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, (int, float)):
        return Text(number_words(value))
    return Text(printable(str(value)))


def plain(value: Any) -> str | int | float:
    """Return a value as a cell of CSV: times in UTC, durations in seconds, nothing for what is absent."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Text):
        return value.plain
    if isinstance(value, bool):
        return "true" if value else "false"
    return cast("str | int | float", value)


def now() -> datetime:
    """Return the current time, in UTC."""
    return datetime.now(timezone.utc)
