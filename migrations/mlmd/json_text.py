"""The text of JSON columns as the service's codec writes it: compact, protobuf's JSON names, object keys of values sorted.

The mapping calls this. A text never begins with white space and holds no NaN, infinity, NUL or lone surrogate.
"""

import json
from datetime import UTC, datetime, timedelta
from math import isfinite

from migrations.mlmd.findings import Findings, Rule

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
"""What JSON can hold."""

EXACT_INTEGERS = 2**53
"""Integers up to here have one double each, so they are written without a fraction."""

VALUE_DEPTH = 90
"""How deep messages may nest in a value that clients can still read: a list is two levels, an object three."""

REPLACEMENT = "\ufffd"

_LIST_LEVELS = 2
_STRUCT_LEVELS = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The last microsecond of the year 9999; later ones have no text.
_LAST_MOMENT = 253_402_300_799_999_999

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def json_text(plain: object) -> str:
    """Return the compact text of JSON whose values are clean."""
    return _encode(plain)


def clean_value(plain: Plain, findings: Findings, subject: str, depth: int = 0) -> Plain:
    """Return a value as it can be kept: keys sorted, whole numbers without fraction, what JSON lacks as text."""
    kind = type(plain)
    if kind is str:
        return clean_text(plain, findings, subject)  # type: ignore[arg-type]
    if kind is float:
        return _number(plain, findings, subject)  # type: ignore[arg-type]
    if kind is dict or kind is list:
        return _nested(plain, findings, subject, depth)
    if kind is int and not -EXACT_INTEGERS < plain < EXACT_INTEGERS:  # type: ignore[operator]
        return float(plain)  # type: ignore[arg-type]
    return plain


def clean_text(text: str, findings: Findings, subject: str) -> str:
    """Return text that every database and every encoder takes."""
    if text.isascii() and "\x00" not in text:
        return text
    cleaned = text.replace("\x00", REPLACEMENT)
    try:
        cleaned.encode()
    except UnicodeEncodeError:
        cleaned = "".join(REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in cleaned)
    if cleaned != text:
        findings.add(Rule.CHARACTERS_REPLACED, subject)
    return cleaned


def time_text(moment: int) -> str:
    """Return microseconds since 1970 as protobuf's JSON writes them: in UTC with 0, 3 or 6 digits after the second."""
    moment = min(moment, _LAST_MOMENT)
    rest = moment % 1_000_000
    whole = (_EPOCH + timedelta(microseconds=moment - rest)).replace(tzinfo=None).isoformat()
    if not rest:
        return f"{whole}Z"
    return f"{whole}.{rest // 1000:03d}Z" if rest % 1000 == 0 else f"{whole}.{rest:06d}Z"


def _number(number: float, findings: Findings, subject: str) -> Plain:
    if not isfinite(number):
        findings.add(Rule.NUMBERS_NOT_FINITE, subject)
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and -EXACT_INTEGERS < number < EXACT_INTEGERS and (number or str(number) == "0.0"):
        return int(number)
    return number


def _nested(plain: Plain, findings: Findings, subject: str, depth: int) -> Plain:
    depth += _LIST_LEVELS if isinstance(plain, list) else _STRUCT_LEVELS
    if depth > VALUE_DEPTH:
        findings.add(Rule.VALUES_TOO_DEEP, subject)
        return clean_text(json.dumps(plain, ensure_ascii=False, separators=(",", ":")), findings, subject)
    if isinstance(plain, list):
        return [clean_value(item, findings, subject, depth) for item in plain]
    assert isinstance(plain, dict)
    fields = {clean_text(key, findings, subject): value for key, value in plain.items()}
    return {key: clean_value(fields[key], findings, subject, depth) for key in sorted(fields)}
