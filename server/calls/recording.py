"""Calls that brought an idempotency key: their answer is kept in the transaction that has their effect.

The key is written last in that transaction: its lock is held for a moment only, and who holds it waits for nothing else. Of two equal
calls at once the second waits there for the first, and its own effect is undone.
"""

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.message import Message

from server.calls.apart import APART_BYTES, SerializedMessage, is_on_event_loop
from server.calls.key_ids import KeyIds
from server.errors import AlreadyExists, InvalidArgument
from server.rules.unfinished import Unfinished
from storage.contract import ReadTx, Store, WriteTx
from storage.model import KeptAnswer

ANSWER_BYTES = 8 * 1024 * 1024
"""How large a kept answer may be, compressed. A database may take no more than 16 MiB in one statement."""

WHOLE_ANSWER_BYTES = 64 * 1024 * 1024
"""How large a kept answer may be as it is sent: a request of a few bytes can have it sent again."""

_COMPRESSION = 1
_JSON = ""  # the type of an answer that is not a message

Result = TypeVar("Result")
Answer = TypeVar("Answer")
Made = TypeVar("Made")
Params = ParamSpec("Params")

Sent = SerializedMessage | dict[str, Any]
"""An answer as it is sent the first time and each time again."""


class Replayed(Exception):
    """An equal call was faster, and this one left nothing behind. Not for clients: they are sent the answer of that one."""

    def __init__(self, answer: Sent) -> None:
        super().__init__("the call has been answered already")
        self.answer = answer


class Recorder:
    """Writes with the key of one call. `key_id` and `content` are digests of whose key it is, and of what is asked.

    `key_ids` are the ids that it makes, None if it makes none. `store` is that of the call, `now` its clock.
    """

    def __init__(
        self, store: Store, *, key_id: str, content: str, key_ids: KeyIds | None, now: Callable[[], int]
    ) -> None:
        self._store, self._key_id, self._content, self._now = store, key_id, content, now
        self.key_ids = key_ids
        self.sent: Sent | None = None
        """The answer that was kept, once the call has written."""

    async def find(self) -> Sent | None:
        """Return what was answered to an equal call, None if there was none. Raises AlreadyExists if the key is another call's."""
        kept = await self._store.read_by_key(lambda tx: tx.idempotency_keys.find(self._key_id), is_one=True)
        return None if kept is None else await self._read(kept)

    async def check_ids(self) -> None:
        """Raise AlreadyExists if a row has an id that the key has made for this call, which therefore can never succeed."""
        if self.key_ids is not None:
            await self.key_ids.check_free(self._store)

    async def write(
        self, writing: Callable[[Store], Awaitable[Result]], answer: Callable[[Result], Awaitable[Answer]]
    ) -> Answer:
        """Write as `Call.write` does, and keep the answer. Raises Replayed, AlreadyExists, and InvalidArgument for a large answer."""
        store = _RecordingStore(self._store, self, answer)
        await writing(store)
        made: Answer = store.made
        return made

    async def keep(self, tx: WriteTx, answer: Any) -> None:
        """Keep an answer in a transaction. Raises as `write` does."""
        sent = await _sent(answer)
        type_name, whole = _plain(sent)
        _check_size(len(whole), WHOLE_ANSWER_BYTES)
        data = await aside(len(whole), zlib.compress, whole, _COMPRESSION)
        _check_size(len(data), ANSWER_BYTES)
        new = KeptAnswer(self._key_id, self._content, type_name, data, self._now())
        kept = await tx.idempotency_keys.keep(new)
        if kept is not new:
            raise Replayed(await self._read(kept))
        self.sent = sent

    async def _read(self, kept: KeptAnswer) -> Sent:
        if kept.content != self._content:
            raise AlreadyExists(
                "the idempotency key was used for another request; use a new key for each request",
                reason="IDEMPOTENCY_KEY_REUSED",
            )
        data = await aside(len(kept.answer), zlib.decompress, kept.answer)
        if kept.answer_type == _JSON:
            answer: dict[str, Any] = json.loads(data)
            return answer
        descriptor = descriptor_pool.Default().FindMessageTypeByName(kept.answer_type)
        return SerializedMessage(message_factory.GetMessageClass(descriptor), data)


async def _sent(answer: Any) -> Sent:
    if isinstance(answer, Message):
        # From here on it is bytes: made of a message again, they could have another order.
        return SerializedMessage(type(answer), answer.SerializeToString(deterministic=True))
    assert isinstance(answer, SerializedMessage | dict), "a call that writes answers with a message or a JSON object"
    return answer


def _plain(sent: Sent) -> tuple[str, bytes]:
    """Return the name of an answer's type, and its bytes."""
    if isinstance(sent, SerializedMessage):
        return str(sent.type.DESCRIPTOR.full_name), sent.data
    return _JSON, json.dumps(sent).encode()


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise InvalidArgument(
            f"the answer is too large to be kept under an idempotency key: it has {size} bytes, the limit is {limit}; "
            "send less at once, or no key",
            reason="ANSWER_TOO_LARGE",
        )


async def aside(size: int, function: Callable[Params, Made], *args: Params.args, **kwargs: Params.kwargs) -> Made:
    """Return what a function returns that leaves the interpreter to others; for much, the event loop does not wait for it."""
    if size > APART_BYTES and is_on_event_loop():
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)


class ReadingStore:
    """A store whose transactions only read; `until` returns the store itself, for writes that are no effect of the call."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, fn: Callable[[ReadTx], Awaitable[Result]]) -> Result:
        """As Store.read."""
        return await self._store.read(fn)

    async def read_one(self, fn: Callable[[ReadTx], Awaitable[Result]]) -> Result:
        """As Store.read_one."""
        return await self._store.read_one(fn)

    async def read_by_key(self, fn: Callable[[ReadTx], Awaitable[Result]], *, is_one: bool = False) -> Result:
        """As Store.read_by_key."""
        return await self._store.read_by_key(fn, is_one=is_one)

    @property
    def writes_at_once(self) -> bool:
        """False: an answer that is kept is a second statement."""
        return False

    async def write_at_once(self, fn: Callable[[WriteTx], Awaitable[bool]]) -> bool:
        """Return False; see `writes_at_once`."""
        return False

    async def write(self, fn: Callable[[WriteTx], Awaitable[Result]]) -> Result:
        """Raise RuntimeError: what is written past `Call.write` would happen again when the call is sent again."""
        raise RuntimeError("a call that may have an idempotency key writes by Call.write")

    def until(self, deadline: float | None) -> Store:
        """As Store.until."""
        return self._store.until(deadline)

    async def ready(self) -> None:
        """As Store.ready."""
        await self._store.ready()

    async def page_token_key(self) -> bytes:
        """As Store.page_token_key."""
        return await self._store.page_token_key()

    async def close(self) -> None:
        """As Store.close."""
        await self._store.close()


class _RecordingStore(ReadingStore):
    """A store whose transactions keep the answer that is made of what they return, unless others follow them."""

    def __init__(self, store: Store, recorder: Recorder, answer: Callable[[Any], Awaitable[Any]]) -> None:
        super().__init__(store)
        self._recorder, self._answer = recorder, answer
        self.made: Any = None

    async def write(self, fn: Callable[[WriteTx], Awaitable[Result]]) -> Result:
        async def attempt(tx: WriteTx) -> Result:
            result = await fn(tx)
            if not isinstance(result, Unfinished):
                self.made = await self._answer(result)
                await self._recorder.keep(tx, self.made)
            return result

        return await self._store.write(attempt)
