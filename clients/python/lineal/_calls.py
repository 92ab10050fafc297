"""The core of both clients: a call as a series of steps, which a sender carries out. It does no input or output.

    steps = call.steps()
    step = next(steps)                  Send: send its request and give back the answer or a Failure
    step = steps.send(answer)           Pause: wait, and give back None
    ...                                 StopIteration: its value is the answer

What is sent again is decided here alone, so that the two senders cannot differ in it.
"""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from lineal._retries import Failure, FailureKind, is_safe, new_key, pause_seconds
from lineal._tokens import Token
from lineal.errors import LinealError
from lineal.methods import METHODS, Method
from lineal.settings import Settings
from lineal.v2beta1.healthz_pb2 import GetHealthzResponse

REQUEST_ID = "x-request-id"
IDEMPOTENCY_KEY = "idempotency-key"
KEY_CHARACTERS = 255

ANSWER_TOO_LARGE = "ANSWER_TOO_LARGE"
"""The reason with which the server refuses a call whose answer it cannot keep under an idempotency key."""

BY_NAME: dict[str, Method] = {method.name: method for method in METHODS}
"""The methods of every API by Service.Method."""

HEALTH = BY_NAME["HealthzService.GetHealthz"]

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Send:
    """Send a request once; `server` is the index of its target."""

    method: Method
    request: Message
    metadata: Metadata
    timeout_seconds: float
    server: int


@dataclass(frozen=True)
class Pause:
    """Wait before the next attempt."""

    seconds: float


Steps = Generator[Send | Pause, Any, Message]


class Core:
    """What the calls of one client have in common. Safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._token = Token(settings)
        self.turns = Turns(len(settings.targets))

    def call(
        self, name: str, request: Message, *, timeout_seconds: float | None = None, idempotency_key: str | None = None
    ) -> Steps:
        """Return the steps of a call to Service.Method. Raises ValueError for a malformed key or timeout."""
        seconds = self.settings.timeout_seconds if timeout_seconds is None else timeout_seconds
        if not seconds > 0:
            raise ValueError(f"timeout_seconds: must be more than 0, not {seconds}")
        method = BY_NAME[name]
        if idempotency_key is not None:
            _check_key(idempotency_key)
        return _Call(self, method, request, seconds, idempotency_key).steps()

    def metadata(self, request_id: str, key: str | None) -> Metadata:
        """Return the metadata of one attempt. Raises SettingsError if the token cannot be read."""
        metadata = [(REQUEST_ID, request_id)]
        if key is not None:
            metadata.append((IDEMPOTENCY_KEY, key))
        if token := self._token.current():
            metadata.append(("authorization", f"Bearer {token}"))
        return tuple(metadata)

    def hint(self, failure: Failure) -> str:
        """Return what the caller should know about a failure beyond the server's words."""
        return self._token.why_withheld() if failure.code == "UNAUTHENTICATED" else ""


class Turns:
    """Takes the servers in turn. One that could not be reached is left out for a while, if there are others."""

    LEFT_OUT_SECONDS = 5.0

    def __init__(self, count: int) -> None:
        self._next = 0
        self._unreachable_until = [0.0] * count

    def next(self) -> int:
        """Return the index of the next server; two threads may get the same one."""
        count, now = len(self._unreachable_until), time.monotonic()
        order = [(self._next + step) % count for step in range(count)]
        index = next((each for each in order if self._unreachable_until[each] <= now), order[0])
        self._next = index + 1
        return index

    def leave_out(self, index: int) -> None:
        """Leave a server out for a while."""
        self._unreachable_until[index] = time.monotonic() + self.LEFT_OUT_SECONDS

    def __len__(self) -> int:
        """Return how many servers there are."""
        return len(self._unreachable_until)


class _Call:
    """One call, from its first attempt to its answer or error."""

    def __init__(self, core: Core, method: Method, request: Message, seconds: float, key: str | None) -> None:
        self._core, self._method, self._request = core, method, request
        self._has_own_key = key is None and not is_safe(method)
        self._key = new_key() if self._has_own_key else key
        self._end = time.monotonic() + seconds
        self._request_id = new_key()
        self._attempts = 0
        self._may_have_happened = False

    def steps(self) -> Steps:
        """See the module."""
        while True:
            answer = yield from self._attempt(self._method, self._request, self._key)
            if isinstance(answer, Message):
                return answer
            failure: Failure = answer
            if self._has_own_key and failure.reason == ANSWER_TOO_LARGE:
                # Nothing was written. Its caller asked for no key, and should not be refused because of one.
                self._key, self._has_own_key = None, False
                continue
            # Once lost, always in doubt: what a later attempt says is about that attempt.
            if failure.kind is FailureKind.LOST or failure.code == "DEADLINE_EXCEEDED":
                self._may_have_happened = not is_safe(self._method)
            if failure.kind is FailureKind.FINAL or self._attempts > self._core.settings.retries:
                raise self._error(failure)
            if self._may_have_happened and not (yield from self._server_knows_keys(failure)):
                why = "the server does not know idempotency keys" if self._key else "its answer is too large for a key"
                raise self._error(failure, f"it was not sent again, because {why}")
            yield from self._pause(failure)

    def _attempt(self, method: Method, request: Message, key: str | None) -> Generator[Send | Pause, Any, Any]:
        server = self._core.turns.next()
        self._attempts += method is self._method
        metadata = self._core.metadata(self._request_id, key)
        answer = yield Send(method, request, metadata, max(self._end - time.monotonic(), 0.001), server)
        if isinstance(answer, Failure) and answer.kind in (FailureKind.UNSENT, FailureKind.LOST):
            self._core.turns.leave_out(server)
        return answer

    def _pause(self, failure: Failure) -> Generator[Send | Pause, Any, None]:
        # A server that cannot be reached says nothing about the next one.
        is_quick = failure.kind is FailureKind.UNSENT and self._attempts < len(self._core.turns)
        seconds = 0.0 if is_quick else pause_seconds(self._attempts)
        if time.monotonic() + seconds >= self._end:
            raise self._error(failure)
        yield Pause(seconds)

    def _server_knows_keys(self, failure: Failure) -> Generator[Send | Pause, Any, bool]:
        """Ask, each time anew: the address may since belong to another server. KFP's own ignores keys and would do it twice."""
        if self._key is None:
            return False
        for asked in range(1, self._core.settings.retries + 2):
            answer = yield from self._attempt(HEALTH, Empty(), None)
            if isinstance(answer, Message):
                return cast(GetHealthzResponse, answer).idempotency_keys
            if answer.kind is FailureKind.FINAL:
                return False
            seconds = pause_seconds(asked)
            if time.monotonic() + seconds >= self._end:
                break
            yield Pause(seconds)
        raise self._error(failure)

    def _error(self, failure: Failure, hint: str = "") -> LinealError:
        return failure.error(
            request_id=self._request_id,
            attempts=self._attempts,
            may_have_happened=self._may_have_happened,
            hint=hint or self._core.hint(failure),
        )


def _check_key(key: object) -> None:
    if not (isinstance(key, str) and 0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise ValueError(f"idempotency_key: must be 1 to {KEY_CHARACTERS} printable ASCII characters, not {key!r}")
