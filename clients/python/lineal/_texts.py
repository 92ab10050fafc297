"""Values of messages as people read them: times, durations, states, numbers, names. Trees, HTML and the command line share them."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any, cast

from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Value
from google.protobuf.timestamp_pb2 import Timestamp

ABSENT = "–"
"""What is shown where there is nothing."""

SHORT_ID = 8
"""How many characters of an id are shown: the last ones, because ids begin with the time at which they were made."""

RUN_STATES_FINISHED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CANCELED"})
"""States in which a run stays."""

TASK_STATES_FINISHED = frozenset({"SUCCEEDED", "SKIPPED", "FAILED", "CACHED"})
"""States in which a task stays."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_UNITS = (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1))


def moment(message: Message, field: str) -> datetime | None:
    """Return the time in a field, in UTC to the microsecond; None if it is not set, or is 1970-01-01, which says "not yet"."""
    value: Timestamp = getattr(message, field)
    if not value.seconds and not value.nanos:
        return None
    try:
        return _EPOCH + timedelta(seconds=value.seconds, microseconds=value.nanos // 1000)
    except OverflowError:
        return None


def time_words(when: datetime | None) -> str:
    """Return a time to the second, in UTC: "2026-01-31 12:00:00"; a dash for None."""
    return ABSENT if when is None else when.strftime("%Y-%m-%d %H:%M:%S").rjust(19, "0")


def duration_words(span: timedelta | None) -> str:
    """Return a length of time in at most two units: "350 ms", "4.2 s", "3 min 4 s", "2 h 5 min", "3 d 4 h"; a dash for None."""
    if span is None or span < timedelta(0):
        return ABSENT
    seconds = span.total_seconds()
    if seconds < 1:
        return f"{int(seconds * 1000)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    for unit, size, smaller_unit, smaller_size in _UNITS:
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit}" + (f" {rest} {smaller_unit}" if rest else "")
    return f"{whole} s"


def run_started(run: Any) -> datetime | None:
    """Return when a run first was RUNNING, or else when it was created."""
    return _first_running(run) or moment(run, "created_at")


def run_duration(run: Any, now: datetime | None = None) -> timedelta | None:
    """Return how long a run took; of an unfinished one how long it has been at work by now, None if it is not said when that is."""
    end = moment(run, "finished_at")
    if end is None and enum_name(run, "state") not in RUN_STATES_FINISHED:
        end = now
    return _span(run_started(run), end)


def task_started(task: Any) -> datetime | None:
    """Return when a task was created, as the web UI does; without that, when it first was RUNNING.

    Recorders tell when they began a task, while the history has when the server was told so, which may be after the end.
    """
    return moment(task, "create_time") or _first_running(task)


def task_duration(task: Any, now: datetime | None = None) -> timedelta | None:
    """Return how long a task took; of a running one how long it has been at work by now, None if it is not said when that is."""
    end = moment(task, "end_time")
    if end is None and enum_name(task, "state") == "RUNNING":
        end = now
    return _span(task_started(task), end)


def enum_name(message: Message, field: str) -> str:
    """Return the name of an enum field's value; "" if it is not specified, the number for one that this version does not have."""
    number = getattr(message, field)
    if not number:
        return ""
    enum_type = message.DESCRIPTOR.fields_by_name[field].enum_type
    value = None if enum_type is None else enum_type.values_by_number.get(number)
    return str(number) if value is None else str(value.name)


def number_words(value: float) -> str:
    """Return a number with at most six significant digits, a whole one with all of them."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def plain_value(value: Value) -> Any:
    """Return a value as Python has it: a whole number that a float holds exactly as int; lists and structs as list and dict."""
    return _with_whole_numbers(json_format.MessageToDict(value))


def value_words(value: Value) -> str:
    """Return a value as text: a text as it is, everything else as JSON."""
    plain = plain_value(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def short_id(ref: str) -> str:
    """Return the end of an id."""
    return ref if len(ref) <= SHORT_ID else f"…{ref[-SHORT_ID:]}"


def printable(text: str) -> str:
    """Return a text on one line in which nothing moves the cursor of a terminal: a stored name may be anything."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def first_line(text: str, *, at_most: int = 200) -> str:
    """Return the first line of a text that is not blank, cut after so many characters."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return line if len(line) <= at_most else line[: at_most - 1] + "…"


def plain_fields(descriptor: Any) -> list[str]:
    """Return the names of the fields that hold one text, number, enum or time."""
    return [
        field.name
        for field in descriptor.fields
        if not field.is_repeated
        and (field.message_type is None or field.message_type.full_name == "google.protobuf.Timestamp")
    ]


def _first_running(message: Any) -> datetime | None:
    for status in message.state_history:
        if enum_name(status, "state") == "RUNNING":
            return moment(status, "update_time")
    return None


def _span(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None or end < start else end - start


def _with_whole_numbers(value: Any) -> Any:
    kind = cast(object, type(value))
    if kind is float:
        return int(value) if value.is_integer() and abs(value) <= 2**53 else value
    if kind is list:
        return [_with_whole_numbers(each) for each in value]
    if kind is dict:
        return {name: _with_whole_numbers(each) for name, each in value.items()}
    return value
