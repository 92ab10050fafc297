"""Maps errors to statuses: the only place where failures become codes, HTTP statuses and google.rpc details.

Doors and the dispatcher call `to_status`.
"""

import uuid
from dataclasses import field

from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from server.errors import ApiError, Code
from server.rules.unusable import UnusableValue
from storage import errors as storage_errors
from storage.record import record

DOMAIN = "lineal"

SENTENCE_BYTES = 480
"""Maximum length of an error message, which is truncated when exceeded. gRPC sends it twice in its trailers, once with three
bytes for each byte that is not ASCII, and clients refuse trailers of more than 8 KiB: they would report another error."""

HTTP_STATUS: dict[int, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""HTTP statuses, as the gateway of KFP's API server maps them."""

_CODE_NAMES = {code.value: code.name for code in Code}

HTTP_STATUS_OF_REASON = {"BODY_TOO_LARGE": 413, "TOO_MANY_CALLS": 503, "MEMORY_EXHAUSTED": 503}
"""HTTP statuses of reasons for which that of the code is not specific enough."""


@record
class Status:
    """How a call ended: google.rpc code, machine-readable reason, message, data; an `unexpected` error is logged with its stack."""

    code: int
    reason: str = ""
    message: str = ""
    data: dict[str, str] = field(default_factory=dict)
    unexpected: bool = False

    @property
    def code_name(self) -> str:
        """The code's name, such as NOT_FOUND."""
        return _CODE_NAMES[self.code]

    @property
    def http_status(self) -> int:
        """The corresponding HTTP status."""
        return HTTP_STATUS_OF_REASON.get(self.reason) or HTTP_STATUS[self.code]

    def message_proto(self) -> status_pb2.Status:
        """Return google.rpc.Status with ErrorInfo among its details."""
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain=DOMAIN, metadata=self.data)
        detail = AnyMessage()
        detail.Pack(info)
        return status_pb2.Status(code=self.code, message=self.message, details=[detail])


OK = Status(Code.OK)

# Subclasses come before their base classes: the first match wins.
_STORAGE: tuple[tuple[type[storage_errors.StorageError], int, str], ...] = (
    (storage_errors.RowNotFound, Code.NOT_FOUND, "NOT_FOUND"),
    (storage_errors.AlreadyExists, Code.ALREADY_EXISTS, "ALREADY_EXISTS"),
    (storage_errors.InUse, Code.INVALID_ARGUMENT, "IN_USE"),
    (storage_errors.InvalidFilter, Code.INVALID_ARGUMENT, "INVALID_FILTER"),
    (storage_errors.InvalidOrder, Code.INVALID_ARGUMENT, "INVALID_SORT"),
    (storage_errors.InvalidPage, Code.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN"),
    (storage_errors.InvalidQuery, Code.INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    (storage_errors.ValueRefused, Code.INVALID_ARGUMENT, "VALUE_TOO_LARGE"),
    (storage_errors.Conflict, Code.ABORTED, "CONFLICT"),
    (storage_errors.OutcomeUnknown, Code.UNAVAILABLE, "OUTCOME_UNKNOWN"),
    (storage_errors.PoolExhausted, Code.DEADLINE_EXCEEDED, "POOL_EXHAUSTED"),
    (storage_errors.Unavailable, Code.UNAVAILABLE, "STORE_UNAVAILABLE"),
)


def to_status(error: BaseException) -> Status:
    """Return the status for an error; that of an unexpected error has only an id, under which it is logged."""
    if isinstance(error, ApiError):
        return Status(error.code, error.reason, _shortened(error.message), error.data)
    if isinstance(error, UnusableValue):
        return Status(Code.INVALID_ARGUMENT, "INVALID_ARGUMENT", _shortened(str(error)))
    for kind, code, reason in _STORAGE:
        if isinstance(error, kind):
            return Status(code, reason, _shortened(str(error)))
    if isinstance(error, TimeoutError):
        return Status(Code.DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED", "the call's deadline passed")
    error_id = uuid.uuid4().hex[:12]
    return Status(Code.INTERNAL, "INTERNAL", f"internal error {error_id}", {"error_id": error_id}, unexpected=True)


def _shortened(message: str) -> str:
    encoded = message.encode(errors="replace")
    if len(encoded) <= SENTENCE_BYTES:
        return message
    return encoded[:SENTENCE_BYTES].decode(errors="ignore") + "…"
