"""Handlers of RPCs over HTTP and JSON, by their google.api.http rules. The REST door creates one per RPC."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from google.protobuf.message import Message

from server.api import HttpForm
from server.calls.apart import APART_BYTES, SerializedMessage
from server.calls.dispatcher import Dispatcher, Outcome
from server.calls.http_calls import HttpResponse
from server.calls.methods import HttpRule, Method
from server.calls.statuses import Status
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.plain_routes import caller_of
from server.doors.http.responses import failure_status
from server.doors.rest.binding import Binding
from server.doors.rest.json_pieces import json_body, whole_json_body
from server.errors import ApiError, Unimplemented
from storage.errors import StorageError
from storage.record import record


@record
class Calling:
    """How the routes of one API call the dispatcher: the timeout, the headers that become metadata, and the form of answers."""

    dispatcher: Dispatcher
    timeout_seconds: float
    header_names: Sequence[str]
    form: HttpForm


def rpc_handler(method: Method, rule: HttpRule, calling: Calling) -> HttpHandler:
    """Return the handler of one RPC under one rule. Raises BadTemplate when the rule does not fit the request message."""
    dispatcher, form, seconds = calling.dispatcher, calling.form, calling.timeout_seconds
    if method.handler is None:
        return _unimplemented(method, form)
    binding = Binding(method, rule, ignores_unknown=form.json.ignores_unknown)
    names, write = calling.header_names, response_writer(form)
    takes_json = not form.json.int64_as_numbers
    finish = partial(whole_json_body, int64_as_numbers=form.json.int64_as_numbers)

    async def handle(request: HttpRequest) -> HttpResponse:
        try:
            if len(request.body) > APART_BYTES:
                bound = await binding.bind_large(request.values, request.query, request.body)
            else:
                bound = binding.bind(request.values, request.query, request.body)
        except (ApiError, StorageError) as error:
            caller = caller_of(request, timeout_seconds=seconds, names=names)
            return await write(dispatcher.refuse(method, error, caller))
        caller = caller_of(
            request, timeout_seconds=seconds, names=names, metadata=bound.metadata, takes_json=takes_json
        )
        size = len(request.body)
        outcome = await dispatcher.dispatch(method, bound.request, caller, request_bytes=size, finish=finish)
        return await write(outcome)

    return handle


def response_writer(
    form: HttpForm,
) -> Callable[[Outcome[Message | SerializedMessage | bytes]], Awaitable[HttpResponse]]:
    """Return a function that writes the outcome of a call whose answer is a message, or the JSON of one."""
    int64_as_numbers = form.json.int64_as_numbers

    async def write(outcome: Outcome[Message | SerializedMessage | bytes]) -> HttpResponse:
        if outcome.answer is None:
            return error_response(form, outcome.status)
        if isinstance(outcome.answer, bytes):
            return HttpResponse(200, outcome.answer)
        try:
            return HttpResponse(200, await json_body(outcome.answer, int64_as_numbers=int64_as_numbers))
        except (ValueError, StorageError) as error:
            return error_response(form, failure_status(error, "rest.answer"))

    return write


def error_response(form: HttpForm, status: Status) -> HttpResponse:
    """Return the response for a status that is not OK, with the corresponding HTTP status."""
    return form.error(status, status.http_status)


def _unimplemented(method: Method, form: HttpForm) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        return error_response(form, failure_status(Unimplemented(f"{method.name} is not supported"), "rest"))

    return handle
