"""Responses that belong to no API: plain JSON, and errors of requests that reach no API. Routes and pages call this."""

import json
from typing import Any

from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.calls.rpc_form import rpc_error
from server.calls.statuses import Status, to_status
from server.process.telemetry import log


def json_response(plain: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Return plain JSON. Raises ValueError for NaN, infinities and unpaired surrogates, which are not valid JSON."""
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return HttpResponse(status, text.encode())


def failure_status(error: Exception, where: str) -> Status:
    """Return the status of an error that a handler raised; an unexpected one is logged under the id in the status."""
    status = to_status(error)
    if status.unexpected:
        log.error("http", where=where, error_id=status.data["error_id"], exc_info=error)
    return status


def rpc_error_at(path: str, status: Status, http_status: int) -> HttpResponse:
    """Write an error as google.rpc.Status, for every path."""
    return rpc_error(status, http_status)


def unknown_path() -> Status:
    """Return the status of a path under which nothing is served."""
    return Status(code_pb2.NOT_FOUND, "UNKNOWN_PATH", "nothing is served under this path")


def wrong_verb() -> Status:
    """Return the status of a verb that a path does not accept."""
    return Status(code_pb2.UNIMPLEMENTED, "WRONG_VERB", "this path does not accept this verb")
