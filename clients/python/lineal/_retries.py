"""Which calls are sent again after which failures, and when. Called by the core; it sends nothing itself.

A failure is one of three kinds. REFUSED: the server says that it did nothing, and that it may do it later; any call is repeated.
UNSENT: no connection could be made; any call is repeated. LOST: the answer is missing, so that the call may have had its effect;
a call is repeated if it is safe by itself, or if it has an idempotency key and the server says that it knows keys.
"""

import enum
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from lineal.errors import BY_CODE, LinealError, OutcomeUnknown, Unavailable, Unknown
from lineal.methods import Method

DOMAIN = "lineal"
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0

SAFE_POSTS = frozenset(
    f"{service}.{name}"
    for service, names in {
        "RunService": ("FindCachedTask", "ArchiveRun", "UnarchiveRun"),
        "ExperimentService": ("ArchiveExperiment", "UnarchiveExperiment"),
    }.items()
    for name in names
)
"""Methods that are safe by themselves though they are not GET: they read, or doing them again changes nothing."""

REFUSED_REASONS = frozenset(
    ("CONFLICT", "MEMORY_EXHAUSTED", "POOL_EXHAUSTED", "STORE_UNAVAILABLE", "TOO_MANY_CALLS", "TOO_MANY_CONNECTIONS")
)
"""Reasons with which Lineal's server says that nothing was done, and that a later call may succeed."""

# Codes of failures that are not the server's answer: the connection or the stream was lost. CANCELLED is what callers see whose
# calls a server had accepted, but not begun, when it stopped.
_LOST_CODES = frozenset(("UNAVAILABLE", "CANCELLED"))

# The only thing that tells a call that was never sent from one whose answer was lost: both are UNAVAILABLE. Should gRPC change
# the words, such failures are taken as LOST, which is the careful side.
_UNSENT_WORDS = (
    "connections to all backends failing",
    "failed to connect to all addresses",
    "DNS resolution failed",
)


class FailureKind(enum.Enum):
    """What a failure says about the effect of a call."""

    FINAL = "the server's answer"
    REFUSED = "nothing was done; later it may be"
    UNSENT = "there was no connection"
    LOST = "the answer is missing"


@dataclass(frozen=True)
class Failure:
    """How an attempt failed: the code's name, the message, and the reason and data of ErrorInfo, if there is one."""

    code: str
    message: str
    reason: str = ""
    domain: str = ""
    data: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def kind(self) -> FailureKind:
        """What it says about the effect of the call."""
        if self.domain == DOMAIN:
            if self.reason == "OUTCOME_UNKNOWN":
                return FailureKind.LOST
            return FailureKind.REFUSED if self.reason in REFUSED_REASONS else FailureKind.FINAL
        if self.code == "UNAVAILABLE" and self.message.startswith(_UNSENT_WORDS):
            return FailureKind.UNSENT
        # With details it is an answer: of another server, whose words for "later" are not known here.
        return FailureKind.LOST if self.code in _LOST_CODES and not self.reason else FailureKind.FINAL

    def error(self, *, request_id: str, attempts: int, may_have_happened: bool, hint: str = "") -> LinealError:
        """Return the exception for it; `may_have_happened` says that a write may have had its effect."""
        kind: type[LinealError] = BY_CODE.get(self.code, Unknown)
        if may_have_happened and (kind is Unavailable or self.kind is FailureKind.LOST):
            kind = OutcomeUnknown
            hint = hint or "the call may or may not have had its effect"
        message = f"{self.message}; {hint}" if hint else self.message
        return kind(message, reason=self.reason, request_id=request_id, data=self.data, attempts=attempts)


def read_failure(code: str, message: str, details: bytes | None) -> Failure:
    """Return the failure that an answer reports; `details` are the bytes of `grpc-status-details-bin`."""
    try:
        status = status_pb2.Status.FromString(details or b"")
        for detail in status.details:
            info = error_details_pb2.ErrorInfo()
            if detail.Unpack(info):
                return Failure(code, message, info.reason, info.domain, dict(info.metadata))
    except DecodeError:
        pass  # a proxy has cut them: code and message remain
    return Failure(code, message)


def is_safe(method: Method) -> bool:
    """Return whether a method may be repeated whatever became of the first attempt."""
    return (method.http is not None and method.http.verb == "GET") or method.name in SAFE_POSTS


def new_key() -> str:
    """Return an idempotency key, or the id of a request: text that nobody else uses."""
    return uuid.uuid4().hex


# Not the generator that programs seed: a training that is repeated must draw the same numbers, however often a call is sent again.
_chance = random.SystemRandom().random


def pause_seconds(attempts: int, chance: Callable[[], float] = _chance) -> float:
    """Return how long to wait after so many attempts: anything between 0 and a bound that doubles, so that clients spread."""
    return chance() * min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 16), LONGEST_PAUSE_SECONDS)
