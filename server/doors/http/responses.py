"""Answers as the reference's gateway gives them: JSON of a message, or of a google.rpc.Status. Doors' handlers call this."""

import json
from typing import Any

from google.protobuf.message import Message
from google.rpc import code_pb2

from server.calls.dispatcher import Outcome
from server.calls.statuses import Status, to_status
from server.doors.http.messages import HttpResponse
from server.doors.rest.json_writer import message_json
from server.process.telemetry import log


def message_answer(message: Message) -> HttpResponse:
    """Return a message as JSON."""
    return HttpResponse(200, message_json(message).encode())


def status_answer(status: Status, *, http_status: int | None = None) -> HttpResponse:
    """Return a status that is not OK, with the HTTP status that says the same unless another is given."""
    return HttpResponse(http_status or status.http_status, message_json(status.message_proto()).encode())


def plain_answer(answer: Message | dict[str, Any]) -> HttpResponse:
    """Return what a plain handler gave, as JSON."""
    if isinstance(answer, Message):
        return message_answer(answer)
    return json_answer(answer)


def json_answer(plain: dict[str, Any], *, status: int = 200) -> HttpResponse:
    """Return plain JSON."""
    return HttpResponse(status, json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())


def outcome_answer(outcome: Outcome[Message]) -> HttpResponse:
    """Return how a call ended."""
    if outcome.answer is None:
        return status_answer(outcome.status)
    try:
        return message_answer(outcome.answer)
    except ValueError as error:
        return failure_answer(error, "rest.answer")


def failure_answer(error: Exception, where: str) -> HttpResponse:
    """Return what a handler raised; what nobody expected is logged under the id that the answer names."""
    status = to_status(error)
    if status.unexpected:
        log.error("http", where=where, error_id=status.data["error_id"], exc_info=error)
    return status_answer(status)


def refusal(http_status: int, code: int, reason: str, message: str) -> HttpResponse:
    """Return an answer to a request that reached no handler."""
    return status_answer(Status(code, reason, message), http_status=http_status)


def not_found() -> HttpResponse:
    """Return the answer to a path that nothing has."""
    return refusal(404, code_pb2.NOT_FOUND, "UNKNOWN_PATH", "nothing is served under this path")


def wrong_verb(http_status: int = 501) -> HttpResponse:
    """Return the answer to a verb that a path does not take: 501, as the reference's gateway has it."""
    return refusal(http_status, code_pb2.UNIMPLEMENTED, "WRONG_VERB", "this path does not take this verb")
