"""The errors of the client: one tree, read from the google.rpc.Status of an answer.

LinealError
├── SettingsError        an argument or a LINEAL_* variable cannot be used; nothing was sent
├── InvalidArgument      the request is invalid, whatever the state of the server
├── FailedPrecondition   it is valid, but not allowed in the present state
├── OutOfRange
├── NotFound
├── AlreadyExists
├── Aborted              it conflicts with the present state of a run, or with other writers
├── PermissionDenied
├── Unauthenticated
├── ResourceExhausted    it exceeds a limit, or the server has too much to do
├── Unimplemented        the server does not have this method
├── Unavailable          no server, or its database, could be reached
│   └── OutcomeUnknown   the same, and a write may or may not have happened
├── DeadlineExceeded     the time for the call is over; a write may or may not have happened
├── Cancelled            something between client and server ended the call
├── Internal             a defect of the server
├── DataLoss
└── Unknown              an answer that is not one of Lineal's

Values that do not fit a request raise ValueError or TypeError, with the path of the field, before anything is sent.
"""

from collections.abc import Mapping
from typing import ClassVar


class LinealError(Exception):
    """Root of the tree. Programs should rely on the class, or on `code` and `reason`; messages may change.

    `reason` is that of google.rpc.ErrorInfo, such as INVALID_FILTER, or "" if the answer has none; `data` is its metadata.
    `request_id` is what the client sent as `x-request-id`: the server writes it to its log. `attempts` is how often the call
    was sent.
    """

    code: ClassVar[str] = "UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        request_id: str = "",
        data: Mapping[str, str] | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message, self.reason, self.request_id, self.attempts = message, reason, request_id, attempts
        self.data = dict(data or {})

    def __str__(self) -> str:
        """Return the message with code and request id, on one line."""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} [{self.reason or self.code}{request}]"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword: worker processes hand errors to their parents."""
        return _rebuilt, (type(self), self.message, self.reason, self.request_id, self.data, self.attempts)


class SettingsError(LinealError, ValueError):
    """An argument of a client, or a LINEAL_* variable, cannot be used; the message says which one and why."""

    code = "INVALID_ARGUMENT"

    def __str__(self) -> str:
        """Return the message alone: there was no call."""
        return self.message


class InvalidArgument(LinealError):
    """The request is invalid, whatever the state of the server."""

    code = "INVALID_ARGUMENT"


class FailedPrecondition(LinealError):
    """The request is valid, but not allowed in the present state."""

    code = "FAILED_PRECONDITION"


class OutOfRange(LinealError):
    """A position of the request lies outside of what exists. Lineal does not answer this."""

    code = "OUT_OF_RANGE"


class NotFound(LinealError):
    """Something that the request names does not exist."""

    code = "NOT_FOUND"


class AlreadyExists(LinealError):
    """What the request would create already exists, or its idempotency key was used for another request."""

    code = "ALREADY_EXISTS"


class Aborted(LinealError):
    """The request conflicts with the present state of a run, or with other writers."""

    code = "ABORTED"


class PermissionDenied(LinealError):
    """The caller may not do this."""

    code = "PERMISSION_DENIED"


class Unauthenticated(LinealError):
    """The caller has not been identified."""

    code = "UNAUTHENTICATED"


class ResourceExhausted(LinealError):
    """The request exceeds a limit, or the server has too much to do."""

    code = "RESOURCE_EXHAUSTED"


class Unimplemented(LinealError):
    """The server does not have this method."""

    code = "UNIMPLEMENTED"


class Unavailable(LinealError):
    """No server, or its database, could be reached. Nothing was written."""

    code = "UNAVAILABLE"


class OutcomeUnknown(Unavailable):
    """The answer to a write was lost, and repeating it would not have been safe: it may or may not have happened."""


class DeadlineExceeded(LinealError):
    """The time for the call is over. A write may or may not have happened."""

    code = "DEADLINE_EXCEEDED"


class Cancelled(LinealError):
    """Something between the client and the server ended the call."""

    code = "CANCELLED"


class Internal(LinealError):
    """A defect of the server; the `error_id` in `data` identifies the line in its log."""

    code = "INTERNAL"


class DataLoss(LinealError):
    """Stored data cannot be read. Lineal does not answer this."""

    code = "DATA_LOSS"


class Unknown(LinealError):
    """An answer without a code of google.rpc, as proxies may give."""


BY_CODE: dict[str, type[LinealError]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        FailedPrecondition,
        OutOfRange,
        NotFound,
        AlreadyExists,
        Aborted,
        PermissionDenied,
        Unauthenticated,
        ResourceExhausted,
        Unimplemented,
        Unavailable,
        DeadlineExceeded,
        Cancelled,
        Internal,
        DataLoss,
        Unknown,
    )
}
"""The class of each code of google.rpc but OK."""


def _rebuilt(
    kind: type[LinealError], message: str, reason: str, request_id: str, data: dict[str, str], attempts: int
) -> LinealError:
    return kind(message, reason=reason, request_id=request_id, data=data, attempts=attempts)
