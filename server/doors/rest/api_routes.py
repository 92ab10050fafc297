"""Handlers of the HTTP routes of APIs: each route defines how its query and its body are read. The REST door calls this."""

from collections.abc import AsyncIterator
from typing import Any

from google.protobuf.message import Message

from server.api import BytesBody, FileBody, HttpForm, HttpRoute, JsonBody, NoBody, StreamBody
from server.calls.apart import SerializedMessage
from server.calls.body_fields import read_object
from server.calls.http_calls import HttpCall, HttpResponse
from server.config import Settings
from server.doors.http.body_stream import BodyStream
from server.doors.http.messages import HttpHandler, HttpRequest
from server.doors.http.plain_routes import caller_of
from server.doors.http.responses import failure_status, json_response
from server.doors.rest.json_body import NOTHING, decode, unreadable
from server.doors.rest.query import pairs
from server.doors.rest.rpc_routes import Calling, error_response, response_writer
from server.errors import ApiError, ResourceExhausted


def route_handler(route: HttpRoute, calling: Calling, settings: Settings) -> HttpHandler:
    """Return the handler of one route, which answers in the form of `calling`."""
    dispatcher, form, names = calling.dispatcher, calling.form, calling.header_names
    write_message = response_writer(form)
    # A streamed body may take as long as the client continues to send: the connection has a deadline for each piece instead.
    seconds = None if isinstance(route.body, StreamBody) else calling.timeout_seconds

    async def handle(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request, timeout_seconds=seconds, names=names)
        try:
            call = _http_call(route, request, settings, form)
        except ApiError as error:
            return error_response(form, dispatcher.refuse(route, error, caller).status)
        outcome = await dispatcher.dispatch(route, call, caller)
        answer = outcome.answer
        return (
            await write_message(outcome)
            if answer is None or isinstance(answer, Message | SerializedMessage)
            else _response(answer, form)
        )

    return handle


def _http_call(route: HttpRoute, request: HttpRequest, settings: Settings, form: HttpForm) -> HttpCall:
    """Return the call that a request makes. Raises InvalidArgument, or `too_large` of a FileBody, if it cannot be read."""
    query = route.parameters(pairs(request.query)) if request.query else {}
    file_name = ""
    body: Any = None
    match route.body:
        case NoBody():
            pass
        case JsonBody():
            body = _json_object(route.body, request.body, form)
        case BytesBody():
            body = bytes(request.body)
        case FileBody():
            file_name, body = _file(route.body, request, settings)
        case StreamBody():
            assert request.stream is not None, "the HTTP server streams the bodies of these routes"
            body = _limited(request.stream, getattr(settings, route.body.bytes_setting))
    return HttpCall(request.values, query, request.headers, body, file_name)


def _json_object(body: JsonBody, data: bytes | bytearray, form: HttpForm) -> dict[str, Any]:
    plain = decode(data)
    plain = {} if plain is NOTHING else plain
    if body.fields is not None:
        return read_object(plain, body.fields, ignores_unknown=form.json.ignores_unknown)
    if type(plain) is not dict:
        raise unreadable("is not an object")
    return plain


def _file(body: FileBody, request: HttpRequest, settings: Settings) -> tuple[str, bytes]:
    limit = getattr(settings, body.bytes_setting)
    content_type = request.headers.get("content-type", "")
    from server.doors.http.multipart import UploadBody  # when something is uploaded

    upload = UploadBody(content_type, field=body.field, limit=limit, too_large=body.too_large)
    upload.feed(request.body)
    return upload.finish()


async def _limited(stream: BodyStream, limit: int) -> AsyncIterator[bytes]:
    """Yield the pieces of a body. Raises ResourceExhausted if it is larger than `limit` bytes."""
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise ResourceExhausted(f"the body is larger than {limit} bytes", reason="BODY_TOO_LARGE")
        yield piece


def _response(answer: HttpResponse | dict[str, Any], form: HttpForm) -> HttpResponse:
    if isinstance(answer, HttpResponse):
        return answer
    try:
        # NaN is not valid JSON. An answer that cannot be written is a defect of the API, and must not reach a client.
        return json_response(answer)
    except ValueError as error:
        return error_response(form, failure_status(error, "rest.answer"))
