"""Where packages and specifications are read: few at once, small ones in threads and large ones in helper processes, so that the
event loop can answer other calls.

Everything that unpacks, parses or validates one calls this.
"""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from server.calls.apart import APART_BYTES, apart

READINGS_MAX = 2
"""How many packages a process reads at once in threads. Each reading competes with the event loop for the interpreter."""

Params = ParamSpec("Params")
Answer = TypeVar("Answer")

# Threads of their own instead of a semaphore: a reading whose caller has gone away goes on, and must still be counted.
_threads = ThreadPoolExecutor(READINGS_MAX, thread_name_prefix="reading")


async def read_apart(size: int, read: Callable[Params, Answer], *args: Params.args, **kwargs: Params.kwargs) -> Answer:
    """Return what a function returns that reads so many bytes, once fewer than READINGS_MAX others are being read.

    Above APART_BYTES it is called in a helper process, as `apart` does. A call that is cancelled while it waits, as at its
    deadline, gives up its place. Raises what the function raises.
    """
    if size > APART_BYTES:
        return await apart(read, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, functools.partial(read, *args, **kwargs))
