"""Links: which operations can follow a response, and with which of its values. The document writer adds them to responses.

A response with ids links to the operations whose paths contain them; the tables list further links.
"""

from collections.abc import Mapping
from typing import Any

from openapi_document.operations import Operation

Link = dict[str, Any]

IDS: dict[str, tuple[str, ...]] = {
    "ArtifactService_CreateArtifact": ("artifact_id",),
    "ExperimentService_CreateExperiment": ("experiment_id",),
    "PipelineService_CreatePipeline": ("pipeline_id",),
    "PipelineService_CreatePipelineAndVersion": ("pipeline_id",),
    "PipelineService_CreatePipelineVersion": ("pipeline_id", "pipeline_version_id"),
    "PipelineService_UploadPipeline": ("pipeline_id",),
    "PipelineService_UploadPipelineVersion": ("pipeline_id", "pipeline_version_id"),
    "RunService_CreateRun": ("run_id",),
    "RunService_CreateTask": ("run_id", "task_id"),
}
"""The ids in the response of each operation that creates something."""

QUERIES: dict[str, dict[str, dict[str, str]]] = {
    "ArtifactService_CreateArtifact": {"ArtifactService_ListArtifactTasks": {"artifact_ids": "artifact_id"}},
    "ExperimentService_CreateExperiment": {"RunService_ListRuns": {"experiment_id": "experiment_id"}},
    "PipelineService_CreatePipeline": {
        "PipelineService_GetPipelineByName": {"path.name": "name"},
        "PipelineService_UploadPipelineVersion": {"pipelineid": "pipeline_id"},
    },
    "RunService_CreateRun": {"ArtifactService_ListArtifactTasks": {"run_ids": "run_id"}},
    "RunService_CreateTask": {
        "ArtifactService_ListArtifactTasks": {"task_ids": "task_id"},
        "RunService_ListTasks": {"path.run_id": "run_id", "parent_id": "task_id"},
    },
}
"""By operation and following operation: parameters, and the field of the response that is passed to each."""

_FIRST_LINK = "artifact_tasks/0"
BODIES: dict[str, dict[str, dict[str, Any]]] = {
    "ArtifactService_ListArtifactTasks": {
        "ArtifactService_CreateArtifactTask": {
            "artifact_task": {name: f"{_FIRST_LINK}/{name}" for name in ("artifact_id", "run_id", "task_id")}
        }
    },
    "ExperimentService_CreateExperiment": {"RunService_CreateRun": {"experiment_id": "experiment_id"}},
    "PipelineService_UploadPipeline": {
        "RunService_CreateRun": {"pipeline_version_reference": {"pipeline_id": "pipeline_id"}}
    },
    "RunService_CreateTask": {
        "ArtifactService_CreateArtifact": {"run_id": "run_id", "task_id": "task_id"},
        "RunService_FindCachedTask": {"cache_fingerprint": "cache_fingerprint"},
    },
}
"""By operation and following operation: parts of the body, and the field of the response that is passed to each."""


def add_links(operations: Mapping[str, Operation]) -> None:
    """Add links to the responses of operations; a list also links to its next page."""
    for name, operation in operations.items():
        links = _links(name, operations)
        if links:
            operation["responses"]["200"]["links"] = links


def _links(name: str, operations: Mapping[str, Operation]) -> dict[str, Link]:
    ids = IDS.get(name, ())
    links: dict[str, Link] = {}
    for follower, operation in operations.items():
        names = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "path"}
        if names and names <= set(ids):
            links[follower] = {
                "operationId": follower,
                "parameters": {f"path.{name}": _of_body(name) for name in sorted(names)},
            }
    for follower, parameters in QUERIES.get(name, {}).items():
        _link_to(links, follower)["parameters"] = {
            parameter if parameter.startswith("path.") else f"query.{parameter}": _of_body(field)
            for parameter, field in parameters.items()
        }
    for follower, body in BODIES.get(name, {}).items():
        _link_to(links, follower)["requestBody"] = _filled(body)
    if any(item["name"] == "page_token" for item in operations[name].get("parameters", ())):
        links["NextPage"] = {"operationId": name, "parameters": _same_list(operations[name])}
    return links


def _link_to(links: dict[str, Link], follower: str) -> Link:
    """Return a new link, with another name than an existing one to the same operation."""
    link: Link = {"operationId": follower}
    links[f"{follower}_Related" if follower in links else follower] = link
    return link


def _same_list(operation: Operation) -> dict[str, str]:
    scope = {
        f"path.{item['name']}": f"$request.path.{item['name']}"
        for item in operation["parameters"]
        if item["in"] == "path"
    }
    return scope | {"query.page_token": _of_body("next_page_token")}


def _filled(body: dict[str, Any]) -> dict[str, Any]:
    return {name: _of_body(part) if isinstance(part, str) else _filled(part) for name, part in body.items()}


def _of_body(field: str) -> str:
    return f"$response.body#/{field}"
