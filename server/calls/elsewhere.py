"""Calls that read much: they are answered in helper processes, which read the database themselves. The dispatcher uses this.

In the process that has the doors they would keep others waiting: for the interpreter while rows become messages, and for a
connection to the database. A handler says that a call reads much by raising TooManyRows or ReadsMuch.
"""

import asyncio
import signal
import time
from collections import OrderedDict
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from google.protobuf.message import Message

from server.calls import apart
from server.calls.admission import Admission
from server.calls.apart import Helpers, SerializedMessage
from server.calls.call import Call, Handler, ReadsMuch, Shared
from server.calls.caller import Caller, Identity, Scope
from server.calls.places import Places
from server.config import Settings
from server.process.helper import INTERRUPT
from storage.contract import Store
from storage.errors import TooManyRows, Unavailable
from storage.pages import PageTokens
from storage.record import record

_KNOWN_MAX = 1000
"""How many requests are remembered whose calls read much; they are not tried here again."""

_KNOWN_BYTES = 1024
"""How large a request may be that is remembered."""

FIRST_SIZE = 4 * 1024 * 1024
"""How large an answer is taken to be before one is known, in bytes: that of some thousand tasks."""

Finish = Callable[[Any], Any]
"""Makes of an answer what the door sends; a function that a module names."""

_Key = tuple[Handler, bytes]


class Opener(Protocol):
    """Opens the store of this process in another one; it can be pickled, and compared."""

    def open(self) -> Store:
        """Open the store."""


@record
class Recipe:
    """What a helper process makes its `Shared` of."""

    opener: Opener
    token_key: bytes
    settings: Settings


@record
class _Request:
    """A call as it travels to a helper process."""

    handler: Handler
    type: type[Message]
    data: bytes
    caller: Caller
    start: float
    identity: Identity
    scope: Scope
    finish: Finish

    @classmethod
    def of(cls, handler: Handler, call: Call, message: Message, finish: Finish) -> "_Request":
        """Return what must be sent; the helper's clock is this one."""
        data = message.SerializeToString()
        return cls(handler, type(message), data, call.caller, call.start, call.identity, call.scope(), finish)


class Elsewhere:
    """Answers calls here, or in a helper process if they read too much. One per server process."""

    def __init__(self, recipe: Recipe, admission: Admission) -> None:
        self._recipe, self._admission = recipe, admission
        # Of their own: conversions of large values must not wait behind whole runs.
        self._helpers = Helpers(apart.HELPERS_MAX, name="calls")
        self._places = Places(apart.HELPERS_MAX)
        self._sizes: OrderedDict[_Key, int] = OrderedDict()

    async def answer(self, handler: Handler, call: Call, message: Message, finish: Finish) -> Any:
        """Return the answer of a handler; one that was made in a helper process is finished there.

        There it waits for memory first, since who asks for several may be slow to take them. Raises what the handler or `finish`
        raises, and Unavailable if the process is lost.
        """
        if self._size_of(handler, message) is None:
            call.is_known_to_read_much = lambda: self._size_of(handler, message) is not None
            try:
                return await handler(call, message)
            except (TooManyRows, ReadsMuch):
                self._note(handler, message, FIRST_SIZE)
        request, holding = _Request.of(handler, call, message, finish), self._admission.holding()
        async with self._places.place(call.caller.peer):
            # Not before: how large the answer is may have become known meanwhile.
            await holding.reserve(self._size_of(handler, message) or FIRST_SIZE)
            try:
                answer, size = await self._helpers.run(_answer, self._recipe, request)
            finally:
                holding.leave()  # from here on whoever sends the answer holds it
        self._note(handler, message, size)
        return answer

    async def close(self) -> None:
        """End the helper processes, which are connected to the database."""
        await self._helpers.close()

    def _size_of(self, handler: Handler, message: Message) -> int | None:
        """Return how large the answer was, or None if the request is not remembered."""
        if not self._sizes or message.ByteSize() > _KNOWN_BYTES:
            return None
        return self._sizes.get((handler, message.SerializeToString(deterministic=True)))

    def _note(self, handler: Handler, message: Message, size: int) -> None:
        if message.ByteSize() > _KNOWN_BYTES:
            return
        key = handler, message.SerializeToString(deterministic=True)
        self._sizes[key] = size
        self._sizes.move_to_end(key)
        if len(self._sizes) > _KNOWN_MAX:
            self._sizes.popitem(last=False)


class _Here:
    """What a helper process keeps between calls."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe, self.runner = recipe, asyncio.Runner()
        store = recipe.opener.open()
        self.shared = Shared(store=store, tokens=PageTokens(recipe.token_key), settings=recipe.settings)

    def close(self) -> None:
        self.runner.run(self.shared.store.close())
        self.runner.close()


_here: _Here | None = None


def _answer(recipe: Recipe, request: _Request) -> tuple[Any, int]:
    """Answer a call in this helper process, until its parent sends INTERRUPT; return the answer and its size in bytes."""
    global _here
    apart.stay_here()
    if (
        _here is not None and _here.recipe != recipe
    ):  # a process that has had several servers, such as that of the tests
        _here.close()
        _here = None
    if _here is None:
        _here = _Here(recipe)
    try:
        return _here.runner.run(_answered(_here.shared, request))
    except asyncio.CancelledError:
        raise Unavailable("the call was cancelled") from None


async def _answered(shared: Shared, request: _Request) -> tuple[Any, int]:
    call = Call(shared, request.caller, start=request.start, request_bytes=len(request.data))
    call.admit(request.identity, request.scope)
    with _Interruptible():
        seconds = None if call.deadline is None else call.deadline - time.monotonic()
        async with asyncio.timeout(seconds):
            answer = await request.handler(call, request.type.FromString(request.data))
    finished = request.finish(answer)
    return finished, len(finished.data if isinstance(finished, SerializedMessage) else finished)


class _Interruptible:
    """While this is entered, INTERRUPT cancels the task that has entered it."""

    def __enter__(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        cancel: Callable[[], object] = task.cancel

        def interrupt(_number: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(cancel)

        signal.signal(INTERRUPT, interrupt)

    def __exit__(self, *_: object) -> None:
        signal.signal(INTERRUPT, signal.SIG_IGN)
