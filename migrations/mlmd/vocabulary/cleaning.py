"""Values and texts of MLMD become those that Lineal stores: without NaN, infinities, NUL and lone surrogates, keys sorted.

The mapping calls this before documents write the text of JSON columns.
"""

import json
from collections.abc import Mapping
from math import isfinite

from migrations.mlmd.vocabulary.findings import Findings, Rule
from storage.documents.plain import (
    EXACT_INTEGERS,
    LIST_LEVELS,
    OBJECT_LEVELS,
    VALUE_DEPTH,
    Plain,
    plain_number,
)

REPLACEMENT = "\ufffd"


def clean_value(plain: Plain, findings: Findings, subject: str, depth: int = 0) -> Plain:
    """Return a value that can be stored: keys sorted, whole numbers without a fraction, values that JSON lacks as text."""
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


def clean_object(
    fields: Mapping[str, Plain], findings: Findings, subject: str, depth: int = OBJECT_LEVELS
) -> dict[str, Plain]:
    """Return an object that can be stored; `depth` is that of its values."""
    fields_by_key = {clean_text(key, findings, subject): value for key, value in fields.items()}
    return {key: clean_value(fields_by_key[key], findings, subject, depth) for key in sorted(fields_by_key)}


def clean_text(text: str, findings: Findings, subject: str) -> str:
    """Return text that every database and every encoder accepts."""
    if text.isascii() and "\x00" not in text:
        return text
    clean = text.replace("\x00", REPLACEMENT)
    try:
        clean.encode()
    except UnicodeEncodeError:
        clean = "".join(REPLACEMENT if "\ud800" <= letter <= "\udfff" else letter for letter in clean)
    if clean != text:
        findings.add(Rule.CHARACTERS_REPLACED, subject)
    return clean


def _number(number: float, findings: Findings, subject: str) -> Plain:
    if not isfinite(number):
        findings.add(Rule.NUMBERS_NOT_FINITE, subject)
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    return plain_number(number)


def _nested(plain: Plain, findings: Findings, subject: str, depth: int) -> Plain:
    depth += LIST_LEVELS if isinstance(plain, list) else OBJECT_LEVELS
    if depth > VALUE_DEPTH:
        findings.add(Rule.VALUES_TOO_DEEP, subject)
        return clean_text(json.dumps(plain, ensure_ascii=False, separators=(",", ":")), findings, subject)
    if isinstance(plain, list):
        return [clean_value(item, findings, subject, depth) for item in plain]
    assert isinstance(plain, dict)
    return clean_object(plain, findings, subject, depth)
