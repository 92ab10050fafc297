"""What a call can fail with, whichever API and door it came through. No protobuf: rules raise these too.

ApiError
├── InvalidArgument      the request makes no sense by itself
├── FailedPrecondition   it makes sense, but not in the present state
├── Aborted              it lost against the present state of a run, or against other writers
├── NotFound
├── AlreadyExists
├── PermissionDenied
├── Unauthenticated
├── Unimplemented
├── ResourceExhausted    it takes more than a limit allows
└── DeadlineExceeded     the caller's time is over

Services raise these or the errors of `storage`; `server/calls/statuses.py` makes statuses of both.
"""

from enum import IntEnum


class Code(IntEnum):
    """The codes of google.rpc."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class ApiError(Exception):
    """Root of the tree: a code, a machine-readable reason and a sentence for the caller."""

    code: int = Code.INTERNAL
    reason: str = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, **data: str) -> None:
        super().__init__(message)
        self.message, self.data = message, data
        self.reason = reason or type(self).reason


class InvalidArgument(ApiError):
    """The request makes no sense by itself."""

    code, reason = Code.INVALID_ARGUMENT, "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The request makes sense, but not in the present state."""

    code, reason = Code.FAILED_PRECONDITION, "FAILED_PRECONDITION"


class Aborted(ApiError):
    """The request lost against the present state of a run, or against other writers."""

    code, reason = Code.ABORTED, "ABORTED"


class NotFound(ApiError):
    """What the request names is not there."""

    code, reason = Code.NOT_FOUND, "NOT_FOUND"


class AlreadyExists(ApiError):
    """What the request would make is there."""

    code, reason = Code.ALREADY_EXISTS, "ALREADY_EXISTS"


class PermissionDenied(ApiError):
    """The caller may not do this."""

    code, reason = Code.PERMISSION_DENIED, "PERMISSION_DENIED"


class Unauthenticated(ApiError):
    """The caller did not say who it is."""

    code, reason = Code.UNAUTHENTICATED, "UNAUTHENTICATED"


class Unimplemented(ApiError):
    """The server does not offer this."""

    code, reason = Code.UNIMPLEMENTED, "UNIMPLEMENTED"


class ResourceExhausted(ApiError):
    """The request takes more than a limit allows."""

    code, reason = Code.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"


class DeadlineExceeded(ApiError):
    """The caller's time is over."""

    code, reason = Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"
