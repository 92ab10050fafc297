"""Returns free memory to the system. The composition root and the helper processes run this."""

import asyncio
import ctypes
import time

_library = ctypes.CDLL(None)
_trim = getattr(_library, "malloc_trim", None)
_set_option = getattr(_library, "mallopt", None)

_MAPPED_BYTES = 64 * 1024
"""Blocks of this size have pages of their own, which go back to the system with the block."""

_M_MMAP_THRESHOLD = -3  # of malloc.h

TRIM_SECONDS = 5.0
"""How often memory is returned: a trim takes 0.25 ms when there is little, 20 ms after hundreds of megabytes."""


BUSY_SECONDS = 0.02
"""How much CPU time the process must have taken since then: an idle one takes a fifth of that, and has nothing to return."""


async def give_back() -> None:
    """Return free memory at intervals until cancelled, if something was done; does nothing if the C library is not glibc.

    By itself, glibc returns only the free end of a heap. gRPC's threads receive messages into heaps of their own, where one small
    value that is still in use keeps 60 MB of free memory before it.
    """
    busy_until = 0.0
    while _trim is not None:
        await asyncio.sleep(TRIM_SECONDS)
        now = time.process_time()
        if now - busy_until >= BUSY_SECONDS:
            _trim(0)
            busy_until = now


def give_back_now() -> None:
    """Return free memory once."""
    if _trim is not None:
        _trim(0)


def map_large_blocks() -> None:
    """Give blocks of 64 KiB pages of their own; does nothing if the C library is not glibc.

    gRPC receives messages in blocks of this size. By itself, glibc maps only blocks of 128 KiB, and raises this bound to 32 MiB
    as such blocks come and go: what many large messages had taken would stay with the heaps in which they were received.
    """
    if _set_option is not None and _trim is not None:
        _set_option(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
