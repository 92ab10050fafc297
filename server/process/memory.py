"""Returns free memory to the system. The composition root and the helper processes run this."""

import asyncio
import ctypes

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)

TRIM_SECONDS = 5.0
"""How often memory is returned: a trim takes 0.25 ms when there is little, 20 ms after hundreds of megabytes."""


async def give_back() -> None:
    """Return free memory at intervals until cancelled; does nothing if the C library is not glibc.

    By itself, glibc returns only the free end of a heap. gRPC's threads receive messages into heaps of their own, where one small
    value that is still in use keeps 60 MB of free memory before it.
    """
    while _trim is not None:
        await asyncio.sleep(TRIM_SECONDS)
        _trim(0)


def give_back_now() -> None:
    """Return free memory once."""
    if _trim is not None:
        _trim(0)
