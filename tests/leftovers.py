"""What is left of calls when no garbage collector runs: an idle server never runs one. Called by tests.

async with nothing_left():
    ...                      calls, and the end of their connections
before = large_values()
...
large_values() - before      the ids of what is new
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType

from google.protobuf.message import Message

from server.calls.http_calls import HttpCall
from server.doors.http.connection import Connection
from server.doors.http.messages import HttpRequest
from server.doors.http.request_reader import RequestReader
from tests.frozen import all_objects

_CALLS = (Connection, RequestReader, HttpRequest, HttpCall)

LARGE_BYTES = 1024 * 1024
"""The size from which a value counts; what a test sends is larger."""

# Against hanging: a server notices the end of a connection within milliseconds.
PATIENCE_SECONDS = 10.0
LOOK_SECONDS = 0.05


@asynccontextmanager
async def nothing_left() -> AsyncIterator[None]:
    """Fail when a large value or a connection that came to be in the block is still there afterwards.

    Values that a test makes before the block may stay.
    """
    gc.collect()
    gc.disable()
    try:
        before = set(_values())
        yield
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            # Before the first look too: a look costs more than the wait, and the server is not done at once.
            await asyncio.sleep(LOOK_SECONDS)
            # Not kept from one look to the next: that alone would hold them.
            left = _values().keys() - before
            if not left:
                break
            assert time.monotonic() < deadline, [_holders(value) for key, value in _values().items() if key in left]
    finally:
        gc.enable()


def large_values() -> set[int]:
    """The ids of all large values that something holds, though nobody reaches that."""
    return set(_large(all_objects()))


def _values() -> dict[int, object]:
    objects = all_objects()
    return _large(objects) | {id(each): each for each in objects if type(each) in _CALLS}


def _large(objects: list[object]) -> dict[int, object]:
    values = gc.get_referents(*objects)
    sized = {kind for kind in set(map(type, values)) if issubclass(kind, bytes | bytearray | str | Message)}
    return {id(each): each for each in values if type(each) in sized and _size(each) > LARGE_BYTES}


def _size(value: bytes | bytearray | str | Message) -> int:
    return value.ByteSize() if isinstance(value, Message) else len(value)


def _holders(value: object) -> str:
    """Say what holds a value that should be gone."""
    holders = [each for each in gc.get_referrers(value) if not isinstance(each, list | dict)]
    names = [each.f_code.co_qualname if isinstance(each, FrameType) else type(each).__name__ for each in holders]
    return f"{type(value).__name__} in {sorted(names)}"
