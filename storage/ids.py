"""Ids: which texts can be ids, and new ids.

New ids are UUIDs of version 7 (RFC 9562), so that later ids compare greater; imported rows can have ids of other forms. An id can
also be made of an idempotency key: the caller, who makes the same ids, knows them before it sends the call.
"""

import contextlib
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256

from storage import lengths

_lock = threading.Lock()
_last = 0
_now = time.time_ns  # nanoseconds UTC
_random_bits: Callable[[int], int] = secrets.randbits


def new_id() -> str:
    """Return a new UUIDv7 as text; ids of one process strictly increase."""
    global _last
    with _lock:
        # 48 bits of milliseconds and 12 bits of the rest of the millisecond, as RFC 9562 §6.2 method 3 allows;
        # the counter keeps the order when the clock stops or goes back.
        milliseconds, rest = divmod(_now(), 1_000_000)
        _last = max(_last + 1, (milliseconds << 12) | (rest * 4096 // 1_000_000))
        moment = _last
    value = ((moment >> 12) & ((1 << 48) - 1)) << 80
    value |= 0x7 << 76 | (moment & 0xFFF) << 64 | 0b10 << 62 | _random_bits(62)
    digits = f"{value:032x}"  # not by a UUID, which takes three times as long
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def makes_ids(key: str) -> bool:
    """Return whether an idempotency key makes the ids of new rows: whether it is the usual text of a UUIDv7, in lower case."""
    try:
        value = uuid.UUID(key)
    except ValueError:
        return False
    return value.version == 7 and str(value) == key


def id_of_key(key: str, position: int = 0) -> str:
    """Return the UUIDv7 of the new row at a position, counted from 0, among those of one kind that a call with the key creates.

    It has the milliseconds of the key, which must be one that makes ids, and is otherwise a digest of key and position. Clients
    compute the same: whatever changes here breaks them.
    """
    digest = sha256(b"lineal id\0" + key.encode() + b"\0" + str(position).encode()).digest()
    rest = int.from_bytes(digest[:10]) >> 6  # 74 bits: 12 before the variant's two bits, 62 after them
    value = uuid.UUID(key).int >> 80 << 80
    value |= 0x7 << 76 | rest >> 62 << 64 | 0b10 << 62 | rest & (1 << 62) - 1
    return str(uuid.UUID(int=value))


@contextlib.contextmanager
def made_by(now: Callable[[], int], random_bits: Callable[[int], int]) -> Iterator[None]:
    """Let a clock (microseconds UTC) and a source of random bits make the new ids of this process until the block ends.

    For a history that is written after it happened; not while the process serves.
    """
    global _last, _now, _random_bits
    before = _last, _now, _random_bits
    _last, _now, _random_bits = 0, lambda: now() * 1000, random_bits
    try:
        yield
    finally:
        _last, _now, _random_bits = before


def moment_of_id(id: str) -> int | None:
    """Return when a UUIDv7 was made, in microseconds since 1970 but whole milliseconds; None for an id of another form."""
    try:
        value = uuid.UUID(id)
    except ValueError:
        return None
    return (value.int >> 80) * 1000 if value.version == 7 else None


def can_be_id(text: str) -> bool:
    """Return whether a text could be the id of a row; no id column can store other texts."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:  # half a surrogate pair, which JSON text can contain
        return False
    return 0 < size <= lengths.ID and "\x00" not in text


def possible_ids(texts: Iterable[str]) -> list[str]:
    """Return the texts that could be ids, in order. Others must not be sent: a database may refuse the whole statement."""
    return [text for text in texts if can_be_id(text)]
