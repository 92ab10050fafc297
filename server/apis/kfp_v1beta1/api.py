"""KFP's v1beta1 API, as far as it is served: reads by its UI and SDK, uploads, and the deletions of v2beta1."""

from server.api import Api, HttpRoute, RpcAlias
from server.apis.uploads import upload_routes
from server.calls.call import Handler
from server.calls.http_calls import SingleParameters
from server.calls.namespaces import Source, by_experiment, by_pipeline, by_reference, by_run, by_version
from server.calls.policy import Rule
from server.late import Late

_PREFIX = "/apis/v1beta1"
_V2BETA1 = "kubeflow.pipelines.backend.api.v2beta1"

_NAMES_BY_SPELLING = {
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


def _late(name: str) -> Late:
    return Late(f"{__package__}.reads:{name}")


def _get(path: str, name: str, handler: Handler, resource: str, namespace: Source) -> HttpRoute:
    return _read(path, name, handler, Rule(resource, "get", namespace))


def _list(path: str, name: str, handler: Handler, resource: str, namespace: Source) -> HttpRoute:
    return _read(path, name, handler, Rule(resource, "list", namespace))


def _read(path: str, name: str, handler: Handler, rule: Rule) -> HttpRoute:
    parameters = SingleParameters(_NAMES_BY_SPELLING)
    return HttpRoute(("GET",), _PREFIX + path, f"v1beta1.{name}", handler, rule, parameters=parameters)


def _delete(path: str, method: str) -> RpcAlias:
    return RpcAlias("DELETE", _PREFIX + path, f"{_V2BETA1}.{method}")


_REFERENCE = by_reference("query.resource_reference_key")
_PIPELINE = by_pipeline("values.id")
_VERSION = by_version("values.id")

KFP_V1BETA1 = Api(
    name="kfp_v1beta1",
    routes=(
        _get("/runs/{id}", "GetRun", _late("get_run"), "runs", by_run("values.id")),
        _get("/experiments/{id}", "GetExperiment", _late("get_experiment"), "experiments", by_experiment("values.id")),
        _get("/pipelines/{id}", "GetPipeline", _late("get_pipeline"), "pipelines", _PIPELINE),
        _get("/pipeline_versions/{id}", "GetPipelineVersion", _late("get_pipeline_version"), "pipelines", _VERSION),
        _get(
            "/pipelines/{id}/templates", "GetPipelineTemplate", _late("get_pipeline_template"), "pipelines", _PIPELINE
        ),
        _get(
            "/pipeline_versions/{id}/templates",
            "GetPipelineVersionTemplate",
            _late("get_pipeline_version_template"),
            "pipelines",
            _VERSION,
        ),
        _list("/runs", "ListRuns", _late("list_runs"), "runs", _REFERENCE),
        _list("/experiments", "ListExperiments", _late("list_experiments"), "experiments", _REFERENCE),
        _list("/pipelines", "ListPipelines", _late("list_pipelines"), "pipelines", _REFERENCE),
        _list(
            "/pipeline_versions",
            "ListPipelineVersions",
            _late("list_pipeline_versions"),
            "pipelines",
            by_pipeline("query.resource_key.id"),
        ),
        _list("/jobs", "ListJobs", _late("list_jobs"), "jobs", _REFERENCE),
        *upload_routes(_PREFIX, "v1beta1", pipeline=_late("upload_pipeline"), version=_late("upload_pipeline_version")),
    ),
    aliases=(
        _delete("/runs/{run_id}", "RunService.DeleteRun"),
        _delete("/experiments/{experiment_id}", "ExperimentService.DeleteExperiment"),
        _delete("/pipelines/{pipeline_id}", "PipelineService.DeletePipeline"),
    ),
    prefixes=(_PREFIX,),
)
