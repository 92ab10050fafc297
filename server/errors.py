"""The errors of calls, for every API and door. Independent of protobuf, because rules raise them too.

ApiError
├── InvalidArgument      the request is invalid, whatever the state of the server
├── FailedPrecondition   it is valid, but not allowed in the present state
├── Aborted              it conflicts with the present state of a run, or with other writers
├── NotFound
├── AlreadyExists
├── PermissionDenied
├── Unauthenticated
├── Unimplemented
├── ResourceExhausted    it exceeds a limit
└── DeadlineExceeded     its deadline has passed

Services raise these or the errors of `storage`; `server/calls/statuses.py` maps both to statuses.
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
    """Root of the tree: a code, a machine-readable reason and a message for the caller."""

    code: int = Code.INTERNAL
    reason: str = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, **data: str) -> None:
        super().__init__(message)
        self.message, self.data = message, data
        self.reason = reason or type(self).reason


class InvalidArgument(ApiError):
    """The request is invalid, whatever the state of the server."""

    code, reason = Code.INVALID_ARGUMENT, "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The request is valid, but not allowed in the present state."""

    code, reason = Code.FAILED_PRECONDITION, "FAILED_PRECONDITION"


class Aborted(ApiError):
    """The request conflicts with the present state of a run, or with other writers."""

    code, reason = Code.ABORTED, "ABORTED"


class NotFound(ApiError):
    """Something that the request names does not exist."""

    code, reason = Code.NOT_FOUND, "NOT_FOUND"


class AlreadyExists(ApiError):
    """What the request would create already exists."""

    code, reason = Code.ALREADY_EXISTS, "ALREADY_EXISTS"


class PermissionDenied(ApiError):
    """The caller may not do this."""

    code, reason = Code.PERMISSION_DENIED, "PERMISSION_DENIED"


class Unauthenticated(ApiError):
    """The caller has not been identified."""

    code, reason = Code.UNAUTHENTICATED, "UNAUTHENTICATED"


class Unimplemented(ApiError):
    """The server does not support this."""

    code, reason = Code.UNIMPLEMENTED, "UNIMPLEMENTED"


class ResourceExhausted(ApiError):
    """The request exceeds a limit."""

    code, reason = Code.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED"


class DeadlineExceeded(ApiError):
    """The deadline of the call has passed."""

    code, reason = Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"
