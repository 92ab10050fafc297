"""What a call can fail with, and the only place where failures become codes, HTTP statuses and google.rpc details.

ApiError
├── InvalidArgument      the request makes no sense by itself
├── FailedPrecondition   it makes sense, but not in the present state
├── Aborted              it lost against the present state of a run, or against other writers
├── NotFound
├── AlreadyExists
├── PermissionDenied
├── Unauthenticated
├── Unimplemented
└── DeadlineExceeded     the caller's time is over

Services raise these or the errors of `storage`; doors and the dispatcher call `to_status`.
"""

import uuid
from dataclasses import dataclass, field

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import code_pb2, error_details_pb2, status_pb2

from server.rules.unusable import UnusableValue
from storage import errors as storage_errors

DOMAIN = "lineal"

SENTENCE_BYTES = 480
"""A sentence for a caller is cut off here. gRPC sends it twice in its trailers, once with three bytes for each that is not
ASCII, and clients refuse trailers of more than 8 KiB: they would see another error."""

HTTP_STATUS = {
    code_pb2.OK: 200,
    code_pb2.CANCELLED: 499,
    code_pb2.UNKNOWN: 500,
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.DEADLINE_EXCEEDED: 504,
    code_pb2.NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    code_pb2.UNIMPLEMENTED: 501,
    code_pb2.INTERNAL: 500,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DATA_LOSS: 500,
    code_pb2.UNAUTHENTICATED: 401,
}
"""HTTP statuses, as the gateway of KFP's API server maps them."""


class ApiError(Exception):
    """Root of the tree: a code, a machine-readable reason and a sentence for the caller."""

    code: int = code_pb2.INTERNAL
    reason: str = "INTERNAL"

    def __init__(self, message: str, *, reason: str | None = None, **data: str) -> None:
        super().__init__(message)
        self.message, self.data = message, data
        self.reason = reason or type(self).reason


class InvalidArgument(ApiError):
    """The request makes no sense by itself."""

    code, reason = code_pb2.INVALID_ARGUMENT, "INVALID_ARGUMENT"


class FailedPrecondition(ApiError):
    """The request makes sense, but not in the present state."""

    code, reason = code_pb2.FAILED_PRECONDITION, "FAILED_PRECONDITION"


class Aborted(ApiError):
    """The request lost against the present state of a run, or against other writers."""

    code, reason = code_pb2.ABORTED, "ABORTED"


class NotFound(ApiError):
    """What the request names is not there."""

    code, reason = code_pb2.NOT_FOUND, "NOT_FOUND"


class AlreadyExists(ApiError):
    """What the request would make is there."""

    code, reason = code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS"


class PermissionDenied(ApiError):
    """The caller may not do this."""

    code, reason = code_pb2.PERMISSION_DENIED, "PERMISSION_DENIED"


class Unauthenticated(ApiError):
    """The caller did not say who it is."""

    code, reason = code_pb2.UNAUTHENTICATED, "UNAUTHENTICATED"


class Unimplemented(ApiError):
    """The server does not offer this."""

    code, reason = code_pb2.UNIMPLEMENTED, "UNIMPLEMENTED"


class DeadlineExceeded(ApiError):
    """The caller's time is over."""

    code, reason = code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Status:
    """How a call ended: google.rpc code, machine-readable reason, sentence, data; `unexpected` asks for a stack in the log."""

    code: int
    reason: str = ""
    message: str = ""
    data: dict[str, str] = field(default_factory=dict)
    unexpected: bool = False

    @property
    def code_name(self) -> str:
        """The code's name, such as NOT_FOUND."""
        return str(code_pb2.Code.Name(self.code))

    @property
    def http_status(self) -> int:
        """The HTTP status that says the same."""
        return HTTP_STATUS[self.code]

    def message_proto(self) -> status_pb2.Status:
        """Return google.rpc.Status with ErrorInfo among its details."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.data)
        detail = AnyMessage()
        detail.Pack(info)
        return status_pb2.Status(code=self.code, message=self.message, details=[detail])


OK = Status(code_pb2.OK)

# Subclasses stand before their parents: the first match counts.
_STORAGE: tuple[tuple[type[storage_errors.StorageError], int, str], ...] = (
    (storage_errors.RowNotFound, code_pb2.NOT_FOUND, "NOT_FOUND"),
    (storage_errors.AlreadyExists, code_pb2.ALREADY_EXISTS, "ALREADY_EXISTS"),
    (storage_errors.InUse, code_pb2.INVALID_ARGUMENT, "IN_USE"),
    (storage_errors.InvalidFilter, code_pb2.INVALID_ARGUMENT, "INVALID_FILTER"),
    (storage_errors.InvalidOrder, code_pb2.INVALID_ARGUMENT, "INVALID_SORT"),
    (storage_errors.InvalidPage, code_pb2.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN"),
    (storage_errors.InvalidQuery, code_pb2.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    (storage_errors.ValueRefused, code_pb2.INVALID_ARGUMENT, "VALUE_TOO_LARGE"),
    (storage_errors.Conflict, code_pb2.ABORTED, "CONFLICT"),
    (storage_errors.OutcomeUnknown, code_pb2.UNAVAILABLE, "OUTCOME_UNKNOWN"),
    (storage_errors.Unavailable, code_pb2.UNAVAILABLE, "STORE_UNAVAILABLE"),
)


def to_status(error: BaseException) -> Status:
    """Return how a call ended that raised an error; an unknown one is answered with an id under which the log has it."""
    if isinstance(error, ApiError):
        return Status(error.code, error.reason, _shortened(error.message), error.data)
    if isinstance(error, UnusableValue):
        return Status(code_pb2.INVALID_ARGUMENT, "INVALID_ARGUMENT", _shortened(str(error)))
    for kind, code, reason in _STORAGE:
        if isinstance(error, kind):
            return Status(code, reason, _shortened(str(error)))
    if isinstance(error, TimeoutError):
        return Status(code_pb2.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline passed")
    error_id = uuid.uuid4().hex[:12]
    return Status(code_pb2.INTERNAL, "INTERNAL", f"internal error {error_id}", {"error_id": error_id}, unexpected=True)


def _shortened(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= SENTENCE_BYTES:
        return message
    return encoded[:SENTENCE_BYTES].decode(errors="ignore") + "…"
