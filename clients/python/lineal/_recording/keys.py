"""Idempotency keys that say beforehand which ids the server will give: UUIDs of version 7. The server computes the same ids.

What is recorded can so refer to runs and tasks that have not been sent yet, and a call that is sent again, whenever that is, cannot
make a second row.
"""

import os
import threading
import time
from hashlib import sha256

_RANDOM_BITS = 74
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_HEAD = b"lineal id\0"

_lock = threading.Lock()
_last = 0


def new_key() -> str:
    """Return a key that nobody else has: a UUID of version 7, greater than every earlier one of this process."""
    global _last
    with _lock:
        now = int(time.time() * 1000) << _RANDOM_BITS
        if now > _last:
            _last = now | int.from_bytes(os.urandom(10), "big") & _RANDOM_MASK
        else:
            # The same millisecond, or the clock went back. A random step keeps the next key from being guessed.
            _last += 1 + int.from_bytes(os.urandom(4), "big")
        return _uuid(_last >> _RANDOM_BITS, _last & _RANDOM_MASK)


def id_of(key: str, n: int = 0) -> str:
    """Return the id that the server gives to the n-th row of a kind that the call with this key makes."""
    digest = sha256(_HEAD + key.encode() + b"\0" + str(n).encode()).digest()
    return _uuid(_milliseconds(key), int.from_bytes(digest, "big") >> (256 - _RANDOM_BITS))


def part_key(key: str, first: int, count: int) -> str:
    """Return the key of a part of a bulk call that was refused as a whole: always the same for the same part."""
    return id_of(f"{key}/{first}+{count}")


def seconds_of(key: str) -> float:
    """Return when a key was made, in seconds since 1970."""
    return _milliseconds(key) / 1000


def _milliseconds(key: str) -> int:
    return int(key[:8] + key[9:13], 16)


def _uuid(milliseconds: int, random: int) -> str:
    high, low = random >> 62, random & ((1 << 62) - 1)
    number = (milliseconds & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _begin_anew_after_fork() -> None:
    global _lock, _last
    _lock, _last = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew_after_fork)
