"""The upload routes of Kubeflow Pipelines: a compiled pipeline as a multipart file, everything else in the query.

Not transcoded from an RPC, since KFP's API server has none for it; errors have the form that its clients expect here.
"""

import json
from urllib.parse import parse_qsl

from server.calls.call import PlainRequest
from server.calls.dispatcher import Dispatcher
from server.calls.statuses import Status
from server.config import Settings
from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.multipart import UploadBody
from server.doors.http.plain_routes import Route, caller_of
from server.doors.http.responses import plain_answer
from server.doors.http.routes import ANY_VERB
from server.errors import InvalidArgument

_ROUTES: tuple[tuple[str, str], ...] = (
    ("/apis/v2beta1/pipelines/upload", "Upload.UploadPipeline"),
    ("/apis/v2beta1/pipelines/upload_version", "Upload.UploadPipelineVersion"),
    ("/apis/v1beta1/pipelines/upload", "v1beta1.UploadPipeline"),
    ("/apis/v1beta1/pipelines/upload_version", "v1beta1.UploadPipelineVersion"),
)


def upload_routes(dispatcher: Dispatcher, settings: Settings) -> list[Route]:
    """Return the routes."""
    routes: list[Route] = []
    for path, name in _ROUTES:
        routes.append((("POST",), path, _handler(dispatcher, name, settings)))
        routes.append(((ANY_VERB,), path, _wrong_verb))
    return routes


def _handler(dispatcher: Dispatcher, name: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        try:
            upload = _read(request, limit=settings.package_bytes_max)
        except InvalidArgument as error:
            return _error(dispatcher.refuse(name, error, caller).status)
        outcome = await dispatcher.dispatch_plain(name, upload, caller)
        return _error(outcome.status) if outcome.answer is None else plain_answer(outcome.answer)

    return handle


def _read(request: HttpRequest, *, limit: int) -> PlainRequest:
    body = UploadBody(request.headers.get("content-type", ""), limit=limit)
    body.feed(request.body)
    file_name, data = body.finish()
    query: dict[str, str] = {}
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        query.setdefault(key, value)  # the first of repeated ones counts
    return PlainRequest(query=query, file_name=file_name, data=data)


async def _wrong_verb(request: HttpRequest) -> HttpResponse:
    body = {"error_message": "uploads are POSTed", "error_details": ""}
    return HttpResponse(405, json.dumps(body).encode(), headers=(("allow", "POST"),))


def _error(status: Status) -> HttpResponse:
    body = {"error_message": status.message, "error_details": status.message}
    return HttpResponse(status.http_status, json.dumps(body).encode())
