"""Runs what takes long in helper processes, so that the event loop can answer other calls. Services and doors call this.

For values that are converted in one piece: a thread would hold the interpreter's lock just as long. Small values are converted
where they are, which takes less time than handing them over.
"""

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, ParamSpec, TypeVar

from google.protobuf.message import Message

from server.process.helper import Helper, HelperLost
from storage.errors import Unavailable

APART_BYTES = 256 * 1024
"""What is larger, in bytes or characters, is converted apart: this much takes the event loop 20 milliseconds."""

HELPERS_MAX = 2
"""How many helper processes a server process has at once; further work waits for them."""

Params = ParamSpec("Params")
Answer = TypeVar("Answer")

# Threads that wait for the processes: a process whose caller has gone away still works, and must not be given more.
_threads = ThreadPoolExecutor(HELPERS_MAX, thread_name_prefix="apart")
_own = threading.local()


async def apart(function: Callable[Params, Answer], *args: Params.args, **kwargs: Params.kwargs) -> Answer:
    """Return what a function returns that is called in a helper process. It must be one that a module names.

    A call that is cancelled while it waits, as at its deadline, gives up its place. Raises what the function raises, and
    Unavailable if the process is lost.
    """
    work = functools.partial(_ask, function, args, kwargs)
    return await asyncio.get_running_loop().run_in_executor(_threads, work)


class SerializedMessage(NamedTuple):
    """An answer that was made in a helper process. To make a message of it, and bytes again, would take long."""

    type: type[Message]
    data: bytes

    def message(self) -> Message:
        """Return the message."""
        return self.type.FromString(self.data)


async def serialized_apart(
    type: type[Message], write: Callable[..., Message], *args: Any, **kwargs: Any
) -> SerializedMessage:
    """Return the message that a function returns which is called in a helper process."""
    return SerializedMessage(type, await apart(_serialized, write, args, kwargs))


async def written_apart(target: Any, write: Callable[..., Message], *args: Any, **kwargs: Any) -> None:
    """Write into an empty message what a function returns that is called in a helper process."""
    data = await apart(_serialized, write, args, kwargs)
    target.MergeFromString(data)
    await asyncio.sleep(0)  # what comes next may also be long


def _serialized(write: Callable[..., Message], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    return write(*args, **kwargs).SerializeToString()


def _ask(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    helper: Helper | None = getattr(_own, "helper", None)
    if helper is None or not helper.is_usable():
        if helper is not None:
            helper.end()
        helper = _own.helper = Helper()
    try:
        return helper.ask(function, args, kwargs)
    except HelperLost:
        helper.end()
        _own.helper = None
        raise Unavailable("the process that converted a large value for this call was lost") from None
