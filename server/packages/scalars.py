"""Scalars of YAML and JSON → null, booleans, numbers and text. The readers of `server.packages.documents` call this.

Scalars are read as by Kubeflow Pipelines' API server, which converts YAML to JSON first: yes, no, on, off, dates and
times of day are text.
"""

import math
import re
from typing import Any

import yaml

from server.packages.text_limits import UnreadableText

YAML_TAGS = "tag:yaml.org,2002:"
"""The prefix that `!!` abbreviates."""

_TYPES_OF_TAGS: dict[str, tuple[type, ...]] = {
    YAML_TAGS + "null": (type(None),),
    YAML_TAGS + "bool": (bool,),
    YAML_TAGS + "int": (int,),
    YAML_TAGS + "float": (int, float),
}
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"[+-]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_BASED_INTEGER = re.compile(r"([+-]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))")
_DECIMAL = re.compile(r"[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][+-]?[0-9]+)?")


def scalar_value(event: yaml.ScalarEvent) -> Any:
    """Return the value of a YAML scalar: quoted ones and blocks are text, plain ones may be null, a boolean or a number.

    Raises UnreadableText for numbers that JSON does not have, and for tags that have no meaning in JSON or do not match the
    scalar.
    """
    text: str = event.value
    if event.tag is None:
        return _plain_value(text) if event.implicit[0] else text
    if event.tag in ("!", YAML_TAGS + "str"):
        return text
    if event.tag not in _TYPES_OF_TAGS:
        raise tag_without_meaning(event.tag)
    value = _plain_value(text)
    if type(value) not in _TYPES_OF_TAGS[event.tag]:
        raise UnreadableText(f"{text[:128]!r} does not match its tag {event.tag}")
    return value


def tag_without_meaning(tag: str) -> UnreadableText:
    """Return the error for a tag that has no meaning in JSON."""
    return UnreadableText(f"the tag {tag[:128]} has no meaning in JSON")


def integer(digits: str) -> float:
    """Return an integer exactly if it fits in 64 bits, otherwise the nearest double.

    Raises UnreadableText when it is larger than any double.
    """
    # Python parses long numbers in quadratic time: only those that may fit in 64 bits are parsed exactly.
    number = int(digits) if len(digits) <= len("-9223372036854775808") else None
    return number if number is not None and _fits_64_bits(number) else decimal(digits)


def decimal(digits: str) -> float:
    """Return the nearest double; raises UnreadableText when that is infinite."""
    number = float(digits)
    if math.isinf(number):
        raise number_not_in_json(digits[:128])
    return number


def number_not_in_json(text: str) -> UnreadableText:
    """Return the error for infinities and NaN, which JSON does not have."""
    return UnreadableText(f"JSON does not have the number {text}")


def _plain_value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.fullmatch(text):
        raise number_not_in_json(text)
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        return integer(digits)
    if match := _BASED_INTEGER.fullmatch(digits):
        sign, hexadecimal, binary, octal = match.groups()
        number = int(sign + (hexadecimal or binary or octal), 16 if hexadecimal else 2 if binary else 8)
        return number if _fits_64_bits(number) else text
    return decimal(digits) if _DECIMAL.fullmatch(digits) else text


def _fits_64_bits(number: int) -> bool:
    return -(2**63) <= number < 2**64
