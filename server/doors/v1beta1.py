"""The v1beta1 paths that Kubeflow Pipelines' UI and SDK still use. Reads have handlers of their own; deletions are v2's."""

from server.calls.call import PlainRequest
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.config import Settings
from server.doors.http.messages import HttpHandler, HttpRequest, HttpResponse
from server.doors.http.plain_routes import Route, caller_of
from server.doors.http.responses import outcome_answer, plain_answer, status_answer
from server.doors.rest.query import pairs
from server.errors import InvalidArgument

_READS: tuple[tuple[str, str], ...] = (
    ("/apis/v1beta1/runs/{id}", "v1beta1.GetRun"),
    ("/apis/v1beta1/experiments/{id}", "v1beta1.GetExperiment"),
    ("/apis/v1beta1/pipelines/{id}", "v1beta1.GetPipeline"),
    ("/apis/v1beta1/pipeline_versions/{id}", "v1beta1.GetPipelineVersion"),
    ("/apis/v1beta1/runs", "v1beta1.ListRuns"),
    ("/apis/v1beta1/experiments", "v1beta1.ListExperiments"),
    ("/apis/v1beta1/pipelines", "v1beta1.ListPipelines"),
    ("/apis/v1beta1/pipeline_versions", "v1beta1.ListPipelineVersions"),
    ("/apis/v1beta1/pipelines/{id}/templates", "v1beta1.GetPipelineTemplate"),
    ("/apis/v1beta1/pipeline_versions/{id}/templates", "v1beta1.GetPipelineVersionTemplate"),
    ("/apis/v1beta1/jobs", "v1beta1.ListJobs"),
)
_DELETIONS: tuple[tuple[str, str, str], ...] = (
    ("/apis/v1beta1/runs/{id}", "RunService.DeleteRun", "run_id"),
    ("/apis/v1beta1/experiments/{id}", "ExperimentService.DeleteExperiment", "experiment_id"),
    ("/apis/v1beta1/pipelines/{id}", "PipelineService.DeletePipeline", "pipeline_id"),
)
_SPELLINGS = {
    "page_token": "page_token",
    "pageToken": "page_token",
    "page_size": "page_size",
    "pageSize": "page_size",
    "sort_by": "sort_by",
    "sortBy": "sort_by",
    "filter": "filter",
    "resource_reference_key.type": "resource_reference_key.type",
    "resourceReferenceKey.type": "resource_reference_key.type",
    "resource_reference_key.id": "resource_reference_key.id",
    "resourceReferenceKey.id": "resource_reference_key.id",
    "resource_key.type": "resource_key.type",
    "resourceKey.type": "resource_key.type",
    "resource_key.id": "resource_key.id",
    "resourceKey.id": "resource_key.id",
}


def v1beta1_routes(dispatcher: Dispatcher, methods: dict[str, Method], settings: Settings) -> list[Route]:
    """Return the routes; `methods` has the served RPCs by name."""
    reads: list[Route] = [(("GET",), path, _reader(dispatcher, name, settings)) for path, name in _READS]
    deletions: list[Route] = [
        (("DELETE",), path, _deleter(dispatcher, methods[name], field, settings)) for path, name, field in _DELETIONS
    ]
    return reads + deletions


def _reader(dispatcher: Dispatcher, name: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        try:
            query = _query(request.query)
        except InvalidArgument as error:
            return status_answer(dispatcher.refuse(name, error, caller).status)
        outcome = await dispatcher.dispatch_plain(name, PlainRequest(values=request.values, query=query), caller)
        return status_answer(outcome.status) if outcome.answer is None else plain_answer(outcome.answer)

    return handle


def _query(text: str) -> dict[str, str]:
    """Return the parameters of a list, read as those of an RPC are: in both spellings, at most once each; others are ignored."""
    query: dict[str, str] = {}
    for spelling, value in pairs(text):
        name = _SPELLINGS.get(spelling)
        if name in query:
            raise InvalidArgument(f"{name} is given more than once", reason="INVALID_QUERY")
        if name is not None:
            query[name] = value
    return query


def _deleter(dispatcher: Dispatcher, method: Method, field: str, settings: Settings) -> HttpHandler:
    async def handle(request: HttpRequest) -> HttpResponse:
        message = method.request(**{field: request.values["id"]})
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        return outcome_answer(await dispatcher.dispatch(method, message, caller))

    return handle
