"""How the texts of JSON columns are written, so that equal values are equal texts whoever writes them.

`server/codec` and the import of MLMD stores write with these; nothing in `storage` reads such a text. Text is compact and
keeps the order it is given; what is written is plain JSON without NaN and infinities.
"""

import json
from datetime import UTC, datetime, timedelta

EXACT_INTEGERS = 2**53
"""Up to here each integer has a double of its own, so whole numbers are written without a fraction."""

VALUE_DEPTH = 90
"""How deep messages may be nested within a value: a list is LIST_LEVELS, an object OBJECT_LEVELS.

Parsers of protobuf stop at 100, and a response nests a value up to seven levels deep. Anything deeper could be written
over REST but never read back.
"""

LIST_LEVELS = 2
OBJECT_LEVELS = 3

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""Returns plain JSON as text."""


def plain_number(number: float) -> float:
    """Return the number as it is written: a whole one below 2**53 as int, except -0.0, which no int can hold."""
    if number.is_integer() and -EXACT_INTEGERS < number < EXACT_INTEGERS and (number or str(number) == "0.0"):
        return int(number)
    return number


def time_text(moment: int) -> str:
    """Return a moment (microseconds since 1970) as protobuf's JSON writes it: in UTC with 0, 3 or 6 digits after the second."""
    rest = moment % 1_000_000
    whole = (_EPOCH + timedelta(microseconds=moment - rest)).replace(tzinfo=None).isoformat()
    if not rest:
        return f"{whole}Z"
    return f"{whole}.{rest // 1000:03d}Z" if rest % 1000 == 0 else f"{whole}.{rest:06d}Z"
