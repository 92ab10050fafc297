"""Decodes JSON bodies to plain objects, within limits of depth and size. The REST door calls this.

json.loads accepts duplicate keys, NaN, and numbers that overflow to infinity, and refuses text after the value.
"""

import json
from math import isfinite
from typing import Any, NoReturn

from server.errors import InvalidArgument
from server.rules.json_size import TooManyValues, check_values

JSON_DEPTH = 100
"""Maximum depth to which objects and lists may be nested in a body. Nothing that can be stored is nested deeper."""

NOTHING = object()
"""The result of decoding an empty body."""

_WHITE_SPACE = " \t\r\n"


class _Refused(Exception):
    pass


def decode(body: bytes | bytearray) -> Any:
    """Return the first JSON value of a body, NOTHING if it is empty; anything after the value is ignored.

    Raises InvalidArgument for text that is not UTF-8 or not valid JSON, duplicate keys in an object, numbers too large for a
    double, nesting deeper than JSON_DEPTH, and more than JSON_VALUES_MAX names and values.
    """
    try:
        text = body.decode()
        start = len(text) - len(text.lstrip(_WHITE_SPACE))
        if start == len(text):
            return NOTHING
        check_values(text)
        plain, _ = _decoder.raw_decode(text, start)
    except UnicodeDecodeError as error:
        raise unreadable(f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise unreadable(f"is not valid JSON: {error.msg} at character {error.pos}") from None
    except (_Refused, TooManyValues) as refused:
        raise unreadable(str(refused)) from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise unreadable("has a number with too many digits") from None
    # Counting brackets is cheap, walking the value is not. Brackets inside strings merely cause an unnecessary walk.
    if type(plain) in (dict, list) and text.count("{") + text.count("[") > JSON_DEPTH:
        _check_depth(plain)
    return plain


def unreadable(why: str) -> InvalidArgument:
    """Return the error for a body that cannot be used; `why` completes the sentence that begins with "the body"."""
    return InvalidArgument(f"the body {why}", reason="INVALID_JSON")


def _too_deep() -> InvalidArgument:
    return unreadable(f"is nested more than {JSON_DEPTH} levels deep")


def _check_depth(plain: Any) -> None:
    containers = [plain]
    for _ in range(JSON_DEPTH):
        inner: list[Any] = []
        for container in containers:
            inner += container.values() if type(container) is dict else container
        containers = [item for item in inner if type(item) is dict or type(item) is list]
        if not containers:
            return
    raise _too_deep()


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) != len(pairs):
        raise _Refused("has a duplicate key in an object")
    return plain


def _finite(digits: str) -> float:
    number = float(digits)
    if not isfinite(number):
        raise _Refused("has a number that is too large")
    return number


def _refuse(name: str) -> NoReturn:
    raise _Refused(f"is not valid JSON: it contains {name}")


_decoder = json.JSONDecoder(object_pairs_hook=_object_of, parse_float=_finite, parse_constant=_refuse)
