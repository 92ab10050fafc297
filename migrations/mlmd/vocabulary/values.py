"""The values of properties, and texts and numbers for columns. The mapping calls this."""

import base64
from collections.abc import Iterable, Mapping

from migrations.mlmd.vocabulary.cleaning import clean_text
from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import PropertyRow
from migrations.mlmd.vocabulary.structs import PREFIX, Undecodable, decode_struct
from storage.documents.plain import Plain
from storage.record import record

PREFIXES = {"inputs": "input:", "outputs": "output:"}
"""The prefixes of the names of properties that contain a single parameter."""

INT64 = range(-(2**63), 2**63)


@record
class Properties:
    """The decoded values of a row's properties by name: those declared by its type, and custom ones."""

    standard: dict[str, Plain]
    custom: dict[str, Plain]


def decode_properties(rows: Iterable[PropertyRow], findings: Findings, subject: str) -> Properties:
    """Return the values of properties, without those that are NULL in every column."""
    standard: dict[str, Plain] = {}
    custom: dict[str, Plain] = {}
    for row in rows:
        value = _value(row, findings, subject)
        if value is None:
            findings.add(Rule.VALUES_NULL, f"{subject} {row.name}")
        else:
            (custom if row.custom else standard)[row.name] = value
    return Properties(standard, custom)


def unwrapped(value: Plain) -> Plain:
    """Return a value without the wrapper of KFP's launcher, which writes lists as {"list": […]}, objects as {"struct": {…}}."""
    if isinstance(value, dict) and len(value) == 1:
        (name, inner), *_ = value.items()
        if (name == "list" and isinstance(inner, list)) or (name == "struct" and isinstance(inner, dict)):
            return inner
    return value


def parameters_of(custom: Mapping[str, Plain], name: str) -> dict[str, Plain]:
    """Return the `inputs` or `outputs` of an execution: a structure, or one property each in the first releases of KFP."""
    prefix = PREFIXES[name]
    first = {key.removeprefix(prefix): value for key, value in custom.items() if key.startswith(prefix)}
    values = custom.get(name)
    return {**first, **values} if isinstance(values, dict) else first


def text_of(value: Plain) -> str:
    """Return a text, "" for anything else."""
    return value if isinstance(value, str) else ""


def integer_of(value: object) -> int | None:
    """Return a 64-bit integer, which may be text; None for anything else."""
    if type(value) is int and value in INT64:
        return value
    try:
        number = int(value) if isinstance(value, int | float | str) else None
    except (ValueError, OverflowError):
        return None
    return number if number is not None and number in INT64 else None


def cut(text: str, length: int, findings: Findings, subject: str) -> str:
    """Return the cleaned text, cut to the length of a column."""
    text = clean_text(text, findings, subject)
    if len(text) <= length:
        return text
    findings.add(Rule.TEXTS_CUT, subject)
    return text[:length]


def _value(row: PropertyRow, findings: Findings, subject: str) -> Plain:
    if row.text is not None:
        return _text_value(row, findings, subject)
    if row.integer is not None:
        return _number(row.integer)
    if row.double is not None:
        return _number(row.double)
    if row.boolean is not None:
        return bool(row.boolean)
    if row.proto is not None:
        return _proto(row.proto)
    return None if row.bytes is None else _base64(row.bytes)


def _text_value(row: PropertyRow, findings: Findings, subject: str) -> Plain:
    text = row.text if isinstance(row.text, str) else _plain_text(row.text)
    if not text.startswith(PREFIX):
        return text
    try:
        return decode_struct(text)
    except Undecodable:
        findings.add(Rule.STRUCTS_UNDECODABLE, f"{subject} {row.name}")
        return text


def _proto(raw: object) -> str:
    """Return a message in base64, as MLMD writes it; most databases return bytes, since the column has a binary type."""
    if isinstance(raw, bytes):
        try:
            base64.b64decode(raw, validate=True)
            return raw.decode()
        except ValueError:
            pass
    return _base64(raw)


def _base64(raw: object) -> str:
    return raw if isinstance(raw, str) else base64.b64encode(bytes(raw)).decode()  # type: ignore[call-overload]


def _plain_text(raw: object) -> str:
    return raw.decode(errors="replace") if isinstance(raw, bytes) else str(raw)


def _number(raw: object) -> Plain:
    """Return the value of a number column: SQLite accepts text in it, and drivers return decimals."""
    if isinstance(raw, bool):
        return int(raw)
    if isinstance(raw, int | float):
        return raw
    try:
        return float(_plain_text(raw))
    except ValueError:
        return _plain_text(raw)
