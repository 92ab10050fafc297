"""The upload routes of Kubeflow Pipelines: a compiled pipeline as a multipart file, all else in the query.

Not transcoded from an RPC, since the reference has none; errors have the form that its clients expect here.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from server import codec
from server.call import Call
from server.config import Settings
from server.doors.http_messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.json_writer import json_text
from server.doors.multipart import UploadBody
from server.doors.plain import Route, caller_of
from server.doors.routes import ANY_VERB
from server.errors import Status
from server.pipeline import Outcome, Pipeline
from server.services import v1beta1
from server.services.uploads import Upload, upload_pipeline, upload_pipeline_version

Answerer = Callable[[Call, Upload], Awaitable[str]]


async def _pipeline_v2(call: Call, upload: Upload) -> str:
    pipeline, _ = await upload_pipeline(call, upload)
    return json_text(codec.pipeline_message(pipeline))


async def _version_v2(call: Call, upload: Upload) -> str:
    return json_text(codec.pipeline_version_message(await upload_pipeline_version(call, upload)))


async def _pipeline_v1(call: Call, upload: Upload) -> str:
    return json.dumps(v1beta1.pipeline(*await upload_pipeline(call, upload)))


async def _version_v1(call: Call, upload: Upload) -> str:
    return json.dumps(v1beta1.pipeline_version(await upload_pipeline_version(call, upload)))


_ROUTES: tuple[tuple[str, str, Answerer], ...] = (
    ("/apis/v2beta1/pipelines/upload", "Upload.UploadPipeline", _pipeline_v2),
    ("/apis/v2beta1/pipelines/upload_version", "Upload.UploadPipelineVersion", _version_v2),
    ("/apis/v1beta1/pipelines/upload", "Upload.UploadPipeline", _pipeline_v1),
    ("/apis/v1beta1/pipelines/upload_version", "Upload.UploadPipelineVersion", _version_v1),
)


def upload_routes(pipeline: Pipeline, settings: Settings) -> list[Route]:
    """Return the routes."""
    routes: list[Route] = []
    for path, name, answerer in _ROUTES:
        routes.append((("POST",), path, _handler(pipeline, name, answerer, settings)))
        routes.append(((ANY_VERB,), path, _wrong_verb))
    return routes


def _handler(pipeline: Pipeline, name: str, answerer: Answerer, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        async def perform(call: Call) -> str:
            body = UploadBody(request.headers.get("content-type", ""), limit=settings.package_bytes_max)
            body.feed(request.body)
            file_name, data = body.finish()
            parameters: dict[str, str] = {}
            for key, value in parse_qsl(request.query, keep_blank_values=True):
                parameters.setdefault(key, value)  # the first of repeated ones counts
            return await answerer(call, Upload(file_name, data, parameters))

        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        outcome: Outcome[str] = await pipeline.perform(name, None, perform, caller)
        if outcome.answer is None:
            return _error(outcome.status)
        return HttpResponse(200, outcome.answer.encode())

    return handle


async def _wrong_verb(request: HttpRequest) -> HttpResponse:
    answer: dict[str, Any] = {"error_message": "uploads are POSTed", "error_details": ""}
    return HttpResponse(405, json.dumps(answer).encode(), headers=(("allow", "POST"),))


def _error(status: Status) -> HttpResponse:
    body = {"error_message": status.message, "error_details": status.message}
    return HttpResponse(status.http_status, json.dumps(body).encode())
