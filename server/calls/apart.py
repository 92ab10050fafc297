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

LEAVE_SECONDS = 1.0
"""How long a helper process may work for a caller that has gone away, before it is killed."""

_stays = False


def stay_here() -> None:
    """From now on do here what would be done apart: this is a helper process itself."""
    global _stays
    _stays = True


def is_on_event_loop() -> bool:
    """Return whether this runs on an event loop. A transaction may run whole on a thread, where it must not suspend."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


class Helpers:
    """Helper processes, which take work in the order in which it comes. They are started when they are needed."""

    def __init__(self, count: int, *, name: str) -> None:
        # Threads that wait for the processes: one whose caller has gone away still works, and must not be given more.
        self._threads = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._own = threading.local()
        self._processes: list[Helper] = []
        self._is_closed = False

    async def run(self, function: Callable[Params, Answer], *args: Params.args, **kwargs: Params.kwargs) -> Answer:
        """Return what a function returns that is called in a process; as `apart`."""
        if _stays:
            return function(*args, **kwargs)
        work = _Work(self, functools.partial(function, *args, **kwargs))
        if not is_on_event_loop():
            # A thread of a transaction, which leaves the interpreter to others while it waits.
            answer: Answer = self._threads.submit(work).result()
            return answer
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, work)
        except asyncio.CancelledError:
            if work.interrupt():
                loop.call_later(LEAVE_SECONDS, work.kill)
            raise

    async def close(self) -> None:
        """End the processes; what they do is lost."""
        self._is_closed = True
        for process in [*self._processes]:
            process.kill()
        await asyncio.to_thread(self._end)

    def _end(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.end()

    def helper(self) -> Helper:
        """Return the process of the thread that asks."""
        helper: Helper | None = getattr(self._own, "helper", None)
        if helper is None or not helper.is_usable():
            if helper is not None:
                self.lose(helper)
            helper = self._own.helper = Helper()
            self._processes.append(helper)
        if self._is_closed:  # asked after it is in the list: whoever comes second sees the other
            helper.kill()
        return helper

    def lose(self, helper: Helper) -> None:
        """End the process of the thread that asks."""
        helper.end()
        self._processes.remove(helper)
        self._own.helper = None


_helpers = Helpers(HELPERS_MAX, name="apart")


class _Work:
    """A function that is called in the helper process of a thread, and can be stopped from outside while it runs."""

    def __init__(self, helpers: Helpers, function: "functools.partial[Any]") -> None:
        self._helpers, self._function = helpers, function
        self._guard = threading.Lock()  # or what the helper does next could be stopped
        self._helper: Helper | None = None

    def __call__(self) -> Any:
        try:
            helper = self._helpers.helper()
        except OSError as error:
            raise Unavailable("the system has no process for a part of this call") from error
        with self._guard:
            self._helper = helper
        try:
            return helper.ask(self._function.func, self._function.args, self._function.keywords)
        except HelperLost:
            self._helpers.lose(helper)
            raise Unavailable("the process that did a part of this call was lost") from None
        finally:
            with self._guard:
                self._helper = None

    def interrupt(self) -> bool:
        """Ask the process to stop; return whether it is at work."""
        with self._guard:
            if self._helper is not None:
                self._helper.interrupt()
            return self._helper is not None

    def kill(self) -> None:
        """Kill the process if it is still at work."""
        with self._guard:
            if self._helper is not None:
                self._helper.kill()


async def apart(function: Callable[Params, Answer], *args: Params.args, **kwargs: Params.kwargs) -> Answer:
    """Return what a function returns that is called in a helper process. It must be one that a module names.

    A call that is cancelled while it waits, as at its deadline, gives up its place; one whose function runs by then is given
    LEAVE_SECONDS. Raises what the function raises, and Unavailable if the process is lost.
    """
    return await _helpers.run(function, *args, **kwargs)


class SerializedMessage(NamedTuple):
    """An answer as it is sent. To make a message of it, and bytes again, would take long."""

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
    if is_on_event_loop():
        await asyncio.sleep(0)  # what comes next may also be long


def serialized(message: Message | SerializedMessage) -> SerializedMessage:
    """Return a message serialized."""
    if isinstance(message, SerializedMessage):
        return message
    return SerializedMessage(type(message), message.SerializeToString())


def _serialized(write: Callable[..., Message], args: tuple[Any, ...], kwargs: dict[str, Any]) -> SerializedMessage:
    return serialized(write(*args, **kwargs))
