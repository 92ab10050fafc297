"""What every handler is given in addition to its request. The dispatcher creates one Call per request; services import it."""

import itertools
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Any, TypeVar

from server.calls.apart import APART_BYTES
from server.calls.caller import Caller, Identity, Scope
from server.calls.key_ids import KeyIds
from server.calls.recording import ReadingStore, Recorder
from server.calls.web_ui import WebUi
from server.config import Settings
from server.recorded_spec import RecordedSpecs
from server.rules.artifact_report.images import SpecImages
from storage.contract import Store
from storage.ids import new_id
from storage.pages import PageTokens
from storage.record import record

Result = TypeVar("Result")
Answer = TypeVar("Answer")

_request_numbers = itertools.count(1)


def microseconds_now() -> int:
    """Return the current time in microseconds UTC."""
    return time.time_ns() // 1000


class ReadsMuch(Exception):
    """A call reads more than should be read in this process. Not for clients: the call is answered elsewhere."""


@record
class Shared:
    """What all calls of a process share. The composition root creates it once.

    `tokens` signs page tokens, `now` is the clock (microseconds UTC), `recorded_specs` caches generated specifications,
    `spec_images` what specifications say of images, `web_ui` is where browsers find the UI. A call that reads more tasks of runs
    than `rows_max`, or a value larger than APART_BYTES, is answered in another process, which has no maximum.
    """

    store: Store
    tokens: PageTokens
    settings: Settings
    rows_max: int | None = None
    now: Callable[[], int] = microseconds_now
    recorded_specs: RecordedSpecs = field(default_factory=RecordedSpecs)
    spec_images: SpecImages = field(default_factory=SpecImages)
    web_ui: WebUi = field(default_factory=WebUi)


class Call:
    """The context of one call: what all calls share, and what belongs only to this one.

    `deadline` is the monotonic time (`time.monotonic()`, seconds) at which the caller stops waiting, None if it has no
    deadline, and `start` the one at which the call began. `request_bytes` is the size of what was sent. Not frozen: a Call is
    created before anything can fail, so that every failure is logged with a request id, and its identity and scope are set later.
    """

    __slots__ = (
        "_key_ids",
        "_recorder",
        "_request_id",
        "_scope",
        "caller",
        "deadline",
        "identity",
        "is_known_to_read_much",
        "now",
        "recorded_specs",
        "request_bytes",
        "rows_max",
        "settings",
        "spec_images",
        "start",
        "store",
        "tokens",
        "web_ui",
    )

    def __init__(self, shared: Shared, caller: Caller, *, start: float, request_bytes: int = 0) -> None:
        self.tokens, self.settings = shared.tokens, shared.settings
        self.now, self.recorded_specs = shared.now, shared.recorded_specs
        self.spec_images, self.web_ui = shared.spec_images, shared.web_ui
        self.rows_max = shared.rows_max
        self.is_known_to_read_much: Callable[[], bool] | None = None
        self.caller, self.request_bytes, self.start = caller, request_bytes, start
        self.deadline = None if caller.timeout_seconds is None else start + caller.timeout_seconds
        self.store = shared.store.until(self.deadline)
        self._recorder: Recorder | None = None
        self._key_ids: KeyIds | None = None
        self.identity = Identity()
        self._scope: Scope | None = None
        self._request_id = ""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the caller sent in addition to its request."""
        return self.caller.metadata

    @property
    def request_id(self) -> str:
        """The id that the caller sent, otherwise one that is generated on first use."""
        if not self._request_id:
            self._request_id = self.caller.request_id() or f"{os.getpid():x}-{next(_request_numbers):x}"
        return self._request_id

    def admit(self, identity: Identity, scope: Scope | None) -> None:
        """Set what the authority returned. The dispatcher calls this before the handler; open methods have no scope."""
        self.identity, self._scope = identity, scope

    def record_by(self, recorder: Recorder) -> None:
        """Let what this call writes be kept under its idempotency key. The dispatcher calls this before the handler."""
        self._recorder, self._key_ids, self.store = recorder, recorder.key_ids, ReadingStore(self.store)

    def new_id(self, position: int = 0) -> str:
        """Return the id of a new row, at a position among those of its kind that the request asks for, counted from 0.

        With an idempotency key that makes ids it is always the same. Ids of links are not made here: links come in their order,
        which must be that of this server.
        """
        return new_id() if self._key_ids is None else self._key_ids.make(position)

    async def write(
        self, writing: Callable[[Store], Awaitable[Result]], answer: Callable[[Result], Awaitable[Answer]]
    ) -> Answer:
        """Write to a store, and return the answer that is made of what was written: the only way for an RPC or a route to write.

        With an idempotency key, the answer is made and kept in the transaction that is the effect: each transaction of `writing`
        must then return what `answer` takes, or Unfinished if others follow it, and `answer` may read nothing.
        """
        if self._recorder is not None:
            return await self._recorder.write(writing, answer)
        return await answer(await writing(self.store))

    def check_known(self) -> None:
        """Raise ReadsMuch if an equal call has been found to read much since this one began to wait for its turn to read."""
        if self.is_known_to_read_much is not None and self.is_known_to_read_much():
            raise ReadsMuch

    def check_size(self, size: int) -> None:
        """Raise ReadsMuch if a value of so many bytes should become an answer elsewhere. Only calls that do not write may call this."""
        if self.rows_max is not None and size > APART_BYTES:
            raise ReadsMuch

    def scope(self) -> Scope:
        """Return the namespaces that this call may see. Raises RuntimeError before it is authorised, and for open methods."""
        if self._scope is None:
            raise RuntimeError("a call that has not been authorised has no scope, and must not access rows")
        return self._scope


Handler = Callable[[Call, Any], Awaitable[Any]]
"""Answers one request: an RPC's handler takes a message and returns one, a route's takes an HttpCall (see HttpRoute)."""
