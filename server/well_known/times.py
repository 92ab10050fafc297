"""Moments: whole microseconds since 1970-01-01 UTC in records, Timestamp in messages, RFC 3339 in stored JSON (storage/documents).

Anything finer than a microsecond is cut off, towards the past. The modules of the codec and services call this.
"""

from google.protobuf.timestamp_pb2 import Timestamp

from server.rules.unusable import UnusableValue

# The range of Timestamp: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
FIRST_SECOND = -62_135_596_800
LAST_SECOND = 253_402_300_799


def microseconds(timestamp: Timestamp, field: str) -> int:
    """Return the moment in microseconds. Raises UnusableValue outside the years 1 to 9999 and for malformed nanos."""
    seconds, nanos = timestamp.seconds, timestamp.nanos
    if not FIRST_SECOND <= seconds <= LAST_SECOND or not 0 <= nanos < 1_000_000_000:
        raise _not_a_time(field)
    return seconds * 1_000_000 + nanos // 1_000


def moment_of_text(text: str, field: str) -> int:
    """Return the moment of an RFC 3339 text in a request. Raises UnusableValue for any other text."""
    named = Timestamp()
    try:
        named.FromJsonString(text)
    except ValueError:
        raise _not_a_time(field) from None
    return microseconds(named, field)


def set_time(target: Timestamp, moment: int) -> None:
    """Write a moment into a Timestamp, which is present afterwards even for the epoch."""
    target.seconds, rest = divmod(moment, 1_000_000)
    target.nanos = rest * 1_000


def _not_a_time(field: str) -> UnusableValue:
    return UnusableValue(f"{field} is not a time between the years 1 and 9999")
