"""Filters of the templates: times, durations, states, ids, uris and numbers as people read them.

What returns markup escapes every value in it, with `escape` in f-strings: lists call these filters hundreds of times, and
`Markup.format` takes four times as long.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup, escape

from server.rules.runs import FINISHED
from storage.documents.plain import plain_number
from storage.model import RunState

UNFINISHED = frozenset(state.name for state in RunState) - FINISHED
"""States of runs that change by themselves, so that a page that shows one looks again."""

ABSENT = "–"
SHORT_ID = 8
"""How many characters of an id are shown: the last ones, because ids begin with the time at which they were made."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STATES: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {
        "SUCCEEDED": ("good", "✓", "Succeeded"),
        "CACHED": ("cached", "↺", "Cached"),
        "FAILED": ("bad", "✕", "Failed"),
        "RUNNING": ("running", "▶", "Running"),
        "PENDING": ("waiting", "…", "Pending"),
        "CANCELING": ("waiting", "◌", "Canceling"),
        "PAUSED": ("waiting", "‖", "Paused"),
        "CANCELED": ("quiet", "⊘", "Canceled"),
        "SKIPPED": ("quiet", "»", "Skipped"),
        "AVAILABLE": ("quiet", "•", "Available"),
        "ARCHIVED": ("quiet", "▣", "Archived"),
    }
)
_UNKNOWN = ("quiet", "?", "Unknown")


def moment(value: Timestamp | datetime | int | None) -> datetime | None:
    """Return a time: of a message, or of microseconds since 1970 UTC; None for none, and for a Timestamp that was not set."""
    if isinstance(value, Timestamp):
        value = value.seconds * 1_000_000 + value.nanos // 1_000 if value.ByteSize() else None
    if value is None or isinstance(value, datetime):
        return value
    try:
        return _EPOCH + timedelta(microseconds=value)
    except OverflowError:
        return None


def microseconds(value: datetime) -> int:
    """Return a time as microseconds since 1970 UTC."""
    return (value - _EPOCH) // timedelta(microseconds=1)


def time_tag(value: Timestamp | datetime | int | None) -> Markup:
    """Return a <time> in UTC, which a script turns into local time; a dash if there is no time."""
    when = moment(value)
    if when is None:
        return Markup(ABSENT)
    day, clock = f"{when.year:04}-{when.month:02}-{when.day:02}", f"{when.hour:02}:{when.minute:02}:{when.second:02}"
    return Markup(f'<time datetime="{day}T{clock}Z" title="UTC {day} {clock}">{day} {clock[:-3]} UTC</time>')


def duration_words(seconds: float) -> str:
    """Return a length of time in at most two units: "350 ms", "4.2 s", "12 s", "3 min 4 s", "2 h 5 min", "3 d 4 h"."""
    if seconds < 0:
        return ABSENT
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for unit, size, smaller, small in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // small
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def duration(start: Any, end: Any) -> str:
    """Return how long it was from one time to another, a dash if either is missing or they are in the wrong order."""
    begun, ended = moment(start), moment(end)
    return ABSENT if begun is None or ended is None else duration_words((ended - begun).total_seconds())


def state_badge(state: str) -> Markup:
    """Return the state of a run, a task or an artifact as a sign and a word."""
    kind, sign, word = _STATES.get(state, _UNKNOWN)
    return Markup(f'<span class="state {kind}"><span aria-hidden="true">{sign}</span> {word}</span>')


def state_kind(state: str) -> str:
    """Return the class of a state, as style sheets know it: "bad"."""
    return _STATES.get(state, _UNKNOWN)[0]


def state_sign(state: str) -> str:
    """Return the sign of a state."""
    return _STATES.get(state, _UNKNOWN)[1]


def state_word(state: str) -> str:
    """Return a state as a word: "Failed"."""
    return _STATES.get(state, _UNKNOWN)[2]


def copyable(text: str, what: str = "") -> Markup:
    """Return a button that copies a text, which scripts show; `what` says to screen readers what is copied."""
    label = escape(what or text)
    return Markup(
        f'<button type="button" class="copy" data-copy="{escape(text)}" aria-label="Copy {label}" title="Copy" hidden></button>'
    )


def short(value: str) -> str:
    """Return the end of an id, as a name for what has none."""
    return value if len(value) <= SHORT_ID else f"…{value[-SHORT_ID:]}"


def short_id(value: str) -> Markup:
    """Return the end of an id, which is copied whole; nothing for an empty one."""
    if not value:
        return Markup("")
    shown = f'<code class="id" title="{escape(value)}">{escape(short(value))}</code>'
    return Markup(f"{shown}{copyable(value, 'id')}")


def uri_text(uri: str) -> Markup:
    """Return a uri as text that can be copied: a link if its scheme is http or https, and of no other scheme."""
    if not uri:
        return Markup(ABSENT)
    if re.match(r"https?://[^\s/]", uri, re.IGNORECASE):
        shown = f'<a class="uri" href="{escape(uri)}" rel="noreferrer noopener">{escape(uri)}</a>'
    else:
        shown = f'<code class="uri">{escape(uri)}</code>'
    return Markup(f"{shown}{copyable(uri, 'uri')}")


def number_text(value: float) -> str:
    """Return a number with at most six significant digits."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def value_text(value: Value) -> str:
    """Return a value of a message as text: a text as it is, everything else as JSON."""
    if value.WhichOneof("kind") == "string_value":
        return str(value.string_value)
    if value.WhichOneof("kind") == "number_value":
        return str(plain_number(value.number_value))
    return json.dumps(MessageToDict(value), ensure_ascii=False)


def enum_name(message: Message, field: str) -> str:
    """Return the name of an enum field's value, "" for a number without one."""
    enum_type = message.DESCRIPTOR.fields_by_name[field].enum_type
    value = None if enum_type is None else enum_type.values_by_number.get(getattr(message, field))
    return "" if value is None else str(value.name)


def segment(text: str) -> str:
    """Return a text as one segment of a path."""
    return quote(text, safe="")


FILTERS = {
    "time": time_tag,
    "duration_words": duration_words,
    "state": state_badge,
    "state_kind": state_kind,
    "state_sign": state_sign,
    "state_word": state_word,
    "short": short,
    "short_id": short_id,
    "copy": copyable,
    "uri": uri_text,
    "number": number_text,
    "value": value_text,
    "enum_name": enum_name,
    "segment": segment,
}
"""By the names that templates use; `duration(start, end)` is a function."""
