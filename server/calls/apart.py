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
Sent = TypeVar("Sent", bound=Message)

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


async def serialized_apart(write: Callable[..., Message], *args: Any, **kwargs: Any) -> SerializedMessage:
    """Return the message that a function returns which is called in a helper process."""
    return await apart(_serialized, write, args, kwargs)


async def message_of(
    size: int, write: Callable[Params, Sent], *args: Params.args, **kwargs: Params.kwargs
) -> Sent | SerializedMessage:
    """Return the message that a function makes of something of a size; if that is large, in a helper process."""
    if size > APART_BYTES:
        return await serialized_apart(write, *args, **kwargs)
    return write(*args, **kwargs)


async def written_apart(target: Any, write: Callable[..., Message], *args: Any, **kwargs: Any) -> None:
    """Write into an empty message what a function returns that is called in a helper process."""
    target.MergeFromString((await serialized_apart(write, *args, **kwargs)).data)
    await asyncio.sleep(0)  # what comes next may also be long


def _serialized(write: Callable[..., Message], args: tuple[Any, ...], kwargs: dict[str, Any]) -> SerializedMessage:
    message = write(*args, **kwargs)
    return SerializedMessage(type(message), message.SerializeToString())


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
