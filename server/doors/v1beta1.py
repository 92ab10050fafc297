"""The v1beta1 paths that Kubeflow Pipelines' UI and SDK still use. Reads are answered by services; deletions are v2's."""

import json
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from server.call import Call
from server.config import Settings
from server.doors.answers import outcome_answer, status_answer
from server.doors.http_messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.plain import Route, caller_of
from server.methods import Method
from server.pipeline import Outcome, Pipeline
from server.services import v1beta1

Read = Callable[[Call, HttpRequest], Awaitable[dict[str, Any]]]


def _by_id(get: Callable[[Call, str], Awaitable[dict[str, Any]]]) -> Read:
    return lambda call, request: get(call, request.values["id"])


def _by_query(list_: Callable[[Call, dict[str, str]], Awaitable[dict[str, Any]]]) -> Read:
    return lambda call, request: list_(call, dict(parse_qsl(request.query, keep_blank_values=True)))


_READS: tuple[tuple[str, str, Read], ...] = (
    ("/apis/v1beta1/runs/{id}", "v1beta1.GetRun", _by_id(v1beta1.get_run)),
    ("/apis/v1beta1/experiments/{id}", "v1beta1.GetExperiment", _by_id(v1beta1.get_experiment)),
    ("/apis/v1beta1/pipelines/{id}", "v1beta1.GetPipeline", _by_id(v1beta1.get_pipeline)),
    ("/apis/v1beta1/pipeline_versions/{id}", "v1beta1.GetPipelineVersion", _by_id(v1beta1.get_pipeline_version)),
    ("/apis/v1beta1/runs", "v1beta1.ListRuns", _by_query(v1beta1.list_runs)),
    ("/apis/v1beta1/experiments", "v1beta1.ListExperiments", _by_query(v1beta1.list_experiments)),
    ("/apis/v1beta1/pipelines", "v1beta1.ListPipelines", _by_query(v1beta1.list_pipelines)),
    ("/apis/v1beta1/jobs", "v1beta1.ListJobs", _by_query(v1beta1.list_jobs)),
)
_DELETIONS: tuple[tuple[str, str, str], ...] = (
    ("/apis/v1beta1/runs/{id}", "RunService.DeleteRun", "run_id"),
    ("/apis/v1beta1/experiments/{id}", "ExperimentService.DeleteExperiment", "experiment_id"),
)


def v1beta1_routes(pipeline: Pipeline, methods: dict[str, Method], settings: Settings) -> list[Route]:
    """Return the routes; `methods` has the served RPCs by name."""
    reads: list[Route] = [(("GET",), path, _reader(pipeline, name, read, settings)) for path, name, read in _READS]
    deletions: list[Route] = [
        (("DELETE",), path, _deleter(pipeline, methods[name], field, settings)) for path, name, field in _DELETIONS
    ]
    return reads + deletions


def _reader(pipeline: Pipeline, name: str, read: Read, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        outcome: Outcome[dict[str, Any]] = await pipeline.perform(name, None, lambda call: read(call, request), caller)
        if outcome.answer is None:
            return status_answer(outcome.status)
        return HttpResponse(200, json.dumps(outcome.answer).encode())

    return handle


def _deleter(pipeline: Pipeline, method: Method, field: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        message = method.request(**{field: request.values["id"]})
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        return outcome_answer(await pipeline.call(method, message, caller))

    return handle
