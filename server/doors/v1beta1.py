"""The v1beta1 paths that Kubeflow Pipelines' UI and SDK still use. Reads have handlers of their own; deletions are v2's."""

from urllib.parse import parse_qsl

from server.call import PlainRequest
from server.config import Settings
from server.doors.answers import outcome_answer, plain_answer, status_answer
from server.doors.http_messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.plain import Route, caller_of
from server.methods import Method
from server.pipeline import Pipeline

_READS: tuple[tuple[str, str], ...] = (
    ("/apis/v1beta1/runs/{id}", "v1beta1.GetRun"),
    ("/apis/v1beta1/experiments/{id}", "v1beta1.GetExperiment"),
    ("/apis/v1beta1/pipelines/{id}", "v1beta1.GetPipeline"),
    ("/apis/v1beta1/pipeline_versions/{id}", "v1beta1.GetPipelineVersion"),
    ("/apis/v1beta1/runs", "v1beta1.ListRuns"),
    ("/apis/v1beta1/experiments", "v1beta1.ListExperiments"),
    ("/apis/v1beta1/pipelines", "v1beta1.ListPipelines"),
    ("/apis/v1beta1/jobs", "v1beta1.ListJobs"),
)
_DELETIONS: tuple[tuple[str, str, str], ...] = (
    ("/apis/v1beta1/runs/{id}", "RunService.DeleteRun", "run_id"),
    ("/apis/v1beta1/experiments/{id}", "ExperimentService.DeleteExperiment", "experiment_id"),
)


def v1beta1_routes(pipeline: Pipeline, methods: dict[str, Method], settings: Settings) -> list[Route]:
    """Return the routes; `methods` has the served RPCs by name."""
    reads: list[Route] = [(("GET",), path, _reader(pipeline, name, settings)) for path, name in _READS]
    deletions: list[Route] = [
        (("DELETE",), path, _deleter(pipeline, methods[name], field, settings)) for path, name, field in _DELETIONS
    ]
    return reads + deletions


def _reader(pipeline: Pipeline, name: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        outcome = await pipeline.perform(name, PlainRequest(values=request.values, query=query), caller)
        return status_answer(outcome.status) if outcome.answer is None else plain_answer(outcome.answer)

    return handle


def _deleter(pipeline: Pipeline, method: Method, field: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        message = method.request(**{field: request.values["id"]})
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        return outcome_answer(await pipeline.call(method, message, caller))

    return handle
