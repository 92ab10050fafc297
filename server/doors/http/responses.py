"""Responses that belong to no API: plain JSON, and errors of requests that reach no API; the head of any response.

Routes, pages and connections call this.
"""

import json
from http import HTTPStatus
from typing import Any

from google.rpc import code_pb2

from server.calls.http_calls import HttpResponse
from server.calls.rpc_form import rpc_error
from server.calls.statuses import Status, to_status
from server.process.telemetry import log

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_LINE_BREAKS = {ord("\r"): " ", ord("\n"): " "}


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


def head_of(response: HttpResponse, *, date: str, closes: bool, is_chunked: bool, length: int | None) -> bytes:
    """Return the status line and the headers of a response; without a length, its body is chunked or ends with the connection."""
    lines = [
        f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, '')}",
        f"date: {date}",
        "x-content-type-options: nosniff",
        *[f"{name}: {value.translate(_LINE_BREAKS)}" for name, value in response.headers],
    ]
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"content-type: {response.content_type}")
        if length is not None:
            lines.append(f"content-length: {length}")
        elif is_chunked:
            lines.append("transfer-encoding: chunked")
    if closes:
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
