"""Calls of the recorder: sent again until the server has answered, with the same key, and sorted by what the answer means."""

import enum
import logging
import threading
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from lineal import errors
from lineal._recording.counters import Tally
from lineal._retries import REFUSED_REASONS, pause_seconds
from lineal.client import Client
from lineal.settings import Settings

logger = logging.getLogger("lineal")

DEFECTS_MAX = 6
"""How often a call is sent again that meets a defect of the server, or a state that may change, before it is taken as refused."""

OLD_SERVER_SECONDS = 30.0
"""How often a server that cannot be used is asked whether it has been upgraded."""

TOO_LARGE = "ANSWER_TOO_LARGE"

_TAKEN = frozenset(("ID_TAKEN", "IDEMPOTENCY_KEY_REUSED"))
_LATER = (
    errors.Unavailable,
    errors.DeadlineExceeded,
    errors.Cancelled,
    errors.PermissionDenied,
    errors.Unauthenticated,
    errors.SettingsError,  # a file with the token that cannot be read now
)


class Verdict(enum.Enum):
    """What an error means for what is recorded."""

    LATER = "it may succeed when it is sent again"
    TAKEN = "it has been done before"
    REFUSED = "it will never succeed"
    DEFECT = "the server has failed; it may be the call, or not"


class Stopped(Exception):
    """Nothing more is to be sent by this process; its message says why."""


class GaveUp(Exception):
    """The server cannot take the call now, and nobody waits for it; `error` is what it said."""

    def __init__(self, error: errors.LinealError) -> None:
        super().__init__(str(error))
        self.error = error


class Taken(Exception):
    """The call was done before: what it makes is there."""


def verdict_of(error: errors.LinealError) -> Verdict:
    """Return what an error means."""
    if error.reason in _TAKEN:
        return Verdict.TAKEN
    if isinstance(error, _LATER) or error.reason in REFUSED_REASONS:
        return Verdict.LATER
    if isinstance(error, errors.ResourceExhausted):
        return Verdict.REFUSED  # gRPC itself says so of a message that is too large
    if not error.reason:
        return Verdict.LATER  # not an answer of Lineal's: a proxy, or another server at this address
    return Verdict.DEFECT if isinstance(error, (errors.Aborted, errors.Internal, errors.Unknown)) else Verdict.REFUSED


class _Client(Client):
    def call(self, name: str, request: Message, key: str | None) -> Any:
        return self._call(name, request, None, key)


class Caller:
    """Sends calls to one server. Safe to use from several threads; one that is not `patient` gives up where it would have to wait."""

    def __init__(self, settings: Settings, tally: Tally, stop: threading.Event, *, patient: bool) -> None:
        self.settings, self.tally, self._stop, self._is_patient = settings, tally, stop, patient
        self._client = _Client(**{field.name: getattr(settings, field.name) for field in fields(Settings)})
        self.trouble = ""
        """What keeps the server from taking what is recorded, in its words or those of the connection."""
        self._told = ""

    def call(self, name: str, request: Message, key: str | None = None) -> Any:
        """Return the answer to Service.Method.

        Raises LinealError if the server refuses the call for good, Taken if it was done before, Stopped, and GaveUp.
        """
        attempts = 0
        while True:
            try:
                answer = self._once(name, request, key)
            except errors.LinealError as error:
                attempts += 1
                self._judge(error, attempts)
            else:
                self.trouble = self._told = ""
                self.tally.add(calls=int(key is not None))
                return answer
            self.tally.add(retries=1)
            self._stop.wait(pause_seconds(attempts))

    def check_server(self) -> None:
        """Return when the server is one that can be used: it makes ids from keys. Raises Stopped, and GaveUp."""
        while not self.call("HealthzService.GetHealthz", Empty()).ids_from_keys:
            error = errors.FailedPrecondition(
                f"the server at {self.settings.server} is too old for the recorder, or is not Lineal's: "
                "it does not make ids from idempotency keys"
            )
            if not self._is_patient:
                raise GaveUp(error)
            self._tell(error)
            self._stop.wait(OLD_SERVER_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _once(self, name: str, request: Message, key: str | None) -> Any:
        if self._stop.is_set():
            raise Stopped("the recording was closed")
        try:
            return self._client.call(name, request, key)
        except RuntimeError as error:  # the client was closed, or gRPC cannot be used after a fork
            raise Stopped(str(error)) from None

    def _judge(self, error: errors.LinealError, attempts: int) -> None:
        """Return if the call is to be sent again."""
        verdict = verdict_of(error)
        if verdict is Verdict.TAKEN:
            raise Taken from None
        if verdict is Verdict.REFUSED or (verdict is Verdict.DEFECT and attempts > DEFECTS_MAX):
            raise error
        if not self._is_patient:
            raise GaveUp(error) from error
        self._tell(error)

    def _tell(self, error: errors.LinealError) -> None:
        """Say once what keeps the server from taking what is recorded."""
        self.trouble = str(error)
        if self._told != error.code:
            self._told = error.code
            logger.warning("what is recorded cannot be sent to %s yet: %s", self.settings.server, error)


def background(function: Callable[[], None], name: str) -> threading.Thread | None:
    """Start a thread that does not keep the process from ending; None where no more threads can be started, as it ends."""
    thread = threading.Thread(target=function, name=f"lineal-{name}", daemon=True)
    try:
        thread.start()
    except RuntimeError:
        return None
    return thread
