"""The operations without a method: uploads, health, the reads of v1beta1, metrics. The document writer adds them.

Written by hand; a test calls every one of them.
"""

from typing import Any

from openapi_document.operations import ERRORS, IDEMPOTENCY_PARAMETER, JSON, Operation

Paths = dict[str, dict[str, Operation]]

UPLOADS = "Uploads"
OLD = "v1beta1"
SERVER = "Server"
TAGS = (
    {"name": UPLOADS, "description": "Uploads of compiled pipelines."},
    {"name": OLD, "description": "Reads that older clients of Kubeflow Pipelines still use."},
    {"name": SERVER, "description": "Health and metrics of the server."},
)

TEXT = "text/plain"
_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_DIGITS = "^[0-9]{1,9}$"
_PAGE_TOKEN = "next_page_token of the previous page; empty for the first page."


def _answer(description: str, schema: dict[str, Any], *, kind: str = JSON) -> dict[str, Any]:
    return {"description": description, "content": {kind: {"schema": schema}}}


def _failures(*statuses: int) -> dict[str, Any]:
    return {str(status): {"$ref": f"#/components/responses/{ERRORS[status]}"} for status in statuses}


def _schema(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, description: str, *, required: bool = False, **schema: Any) -> dict[str, Any]:
    parameter = {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}
    return parameter | ({"required": True} if required else {})


def _id(kind: str) -> dict[str, Any]:
    schema = {"type": "string", "minLength": 1}
    return {"name": "id", "in": "path", "required": True, "description": f"Id of the {kind}.", "schema": schema}


def _operation(name: str, tag: str, summary: str, responses: dict[str, Any], **more: Any) -> Operation:
    return {"operationId": name, "tags": [tag], "summary": summary, **more, "responses": responses}


def schemas() -> dict[str, Any]:
    """Return the named schemas that only these operations use."""
    names = {"commit_sha": _TEXT, "tag_name": _TEXT, "multi_user": {"type": "boolean"}}
    ready = {"ready": {"type": "boolean"}, "reason": _TEXT}
    build = "What the server was built from, and where it stores pipelines."
    refusal = {"error_message": _TEXT, "error_details": _TEXT}
    return _old_schemas() | {
        "Alive": _described("The process is running.", {"alive": {"const": True}}, "alive"),
        "Ready": _described("Whether the database responds.", ready, "ready"),
        "Build": _described("What the server was built from.", names, *names),
        "BuildAndStore": _described(build, {**names, "pipeline_store": _TEXT}, *names, "pipeline_store"),
        "UploadError": _described("Why an upload was refused.", refusal, "error_message"),
    }


def _old_schemas() -> dict[str, Any]:
    reference = {"type": "object", "properties": {"key": {"type": "object"}, "relationship": _TEXT}}
    references = {"resource_references": {"type": "array", "items": reference}}
    common = {"id": _TEXT, "name": _TEXT, "description": _TEXT, "created_at": _TIME}
    version = {**common, **references, "code_source_url": _TEXT, "package_url": {"type": "object"}}
    pipeline = {**common, "default_version": _schema("OldPipelineVersion")}
    experiment = {**common, **references, "storage_state": _TEXT}
    run = {**experiment, "scheduled_at": _TIME, "finished_at": _TIME, "status": _TEXT, "service_account": _TEXT}
    detail = {"run": _schema("OldRun"), "pipeline_runtime": {"type": "object"}}
    return {
        "OldExperiment": _described("An experiment as in v1beta1.", experiment, "id", "name"),
        "OldPipelineVersion": _described("A pipeline version as in v1beta1.", version, "id", "name"),
        "OldPipeline": _described("A pipeline as in v1beta1.", pipeline, "id", "name"),
        "OldTemplate": _described("A pipeline's specification as text.", {"template": _TEXT}, "template"),
        "OldRun": _described("A run as in v1beta1.", {**run, "pipeline_spec": {"type": "object"}}, "id", "name"),
        "OldRunDetail": _described("A run as in v1beta1, with its runtime.", detail, *detail),
    }


def _described(description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def paths() -> Paths:
    """Return the operations by path and verb in lower case."""
    return _uploads() | _old_reads() | _server()


def _uploads() -> Paths:
    file = {"type": "string", "format": "binary", "description": "A .yaml, .yml, .json, .zip or .tar.gz file."}
    form = {"type": "object", "properties": {"uploadfile": file}, "required": ["uploadfile"]}
    body = {"required": True, "content": {"multipart/form-data": {"schema": form}}}
    parameters = [
        _query("name", "Name; display_name or the file's name if empty."),
        _query("display_name", "Display name; name if empty."),
        _query("description", "Free text."),
        _query("namespace", "Ignored by a single-user server."),
        _query("tags", "Tags as the text of a JSON object of strings."),
        _query("code_source_url", "URL of the pipeline's source code."),
        IDEMPOTENCY_PARAMETER,
    ]
    pipeline_id = _query("pipelineid", "Id of the pipeline.", required=True, minLength=1)
    refusal = _answer("The upload was refused.", _schema("UploadError"))

    def upload(name: str, summary: str, answer: str, *first: dict[str, Any]) -> dict[str, Operation]:
        responses = {"200": _answer("What was created.", _schema(answer))}
        responses |= {str(status): refusal for status in (400, 404, 409, 500, 503, 504)} | _failures(413)
        if not first:
            del responses["404"]
        return {
            "post": _operation(name, UPLOADS, summary, responses, parameters=[*first, *parameters], requestBody=body)
        }

    new, later = (
        "Creates a pipeline and its first version from a file.",
        "Creates another version of a pipeline from a file.",
    )
    v2, v1 = "/apis/v2beta1/pipelines/upload", "/apis/v1beta1/pipelines/upload"
    return {
        v2: upload("PipelineService_UploadPipeline", new, "Pipeline"),
        f"{v2}_version": upload("PipelineService_UploadPipelineVersion", later, "PipelineVersion", pipeline_id),
        v1: upload("v1beta1_UploadPipeline", new, "OldPipeline"),
        f"{v1}_version": upload("v1beta1_UploadPipelineVersion", later, "OldPipelineVersion", pipeline_id),
    }


def _old_reads() -> Paths:
    paths: Paths = {}
    for path, name, schema in (
        ("runs", "Run", "OldRunDetail"),
        ("experiments", "Experiment", "OldExperiment"),
        ("pipelines", "Pipeline", "OldPipeline"),
        ("pipeline_versions", "PipelineVersion", "OldPipelineVersion"),
    ):
        responses = {"200": _answer("The object.", _schema(schema))} | _failures(400, 404, 500, 503, 504)
        summary = f"Reads one of the {path.replace('_', ' ')}."
        paths[f"/apis/v1beta1/{path}/{{id}}"] = {
            "get": _operation(f"v1beta1_Get{name}", OLD, summary, responses, parameters=[_id(path[:-1])])
        }
    for path, name in (("pipelines", "Pipeline"), ("pipeline_versions", "PipelineVersion")):
        responses = {"200": _answer("The specification as text.", _schema("OldTemplate"))}
        paths[f"/apis/v1beta1/{path}/{{id}}/templates"] = {
            "get": _operation(
                f"v1beta1_Get{name}Template",
                OLD,
                f"Reads the specification of one of the {path.replace('_', ' ')}.",
                responses | _failures(400, 404, 500, 503, 504),
                parameters=[_id(path[:-1])],
            )
        }
    for path, name in (("runs", "Run"), ("experiments", "Experiment"), ("pipelines", "Pipeline")):
        responses = {"200": _answer("An empty object.", _schema("Empty"))}
        responses |= _failures(400, 404, 409, 500, 503, 504)
        paths[f"/apis/v1beta1/{path}/{{id}}"]["delete"] = _operation(
            f"v1beta1_Delete{name}", OLD, f"Deletes one of the {path}.", responses, parameters=[_id(path[:-1])]
        )
    for path, name in (("runs", "Run"), ("experiments", "Experiment"), ("pipelines", "Pipeline")):
        paths[f"/apis/v1beta1/{path}"] = {"get": _old_list(path, f"v1beta1_List{name}s", _schema(f"Old{name}"))}
    versions = _old_list("versions", "v1beta1_ListPipelineVersions", _schema("OldPipelineVersion"))
    paths["/apis/v1beta1/pipeline_versions"] = {"get": versions | {"summary": "Lists the versions of a pipeline."}}
    empty = {"type": "object", "maxProperties": 0}
    responses = {"200": _answer("An empty page.", empty)} | _failures(400, 500, 503, 504)
    paths["/apis/v1beta1/jobs"] = {
        "get": _operation(
            "v1beta1_ListJobs",
            OLD,
            "Returns an empty list of recurring runs.",
            responses,
            parameters=_old_list_parameters(),
        )
    }
    return paths


def _old_list(path: str, name: str, item: dict[str, Any]) -> Operation:
    page = {
        path: {"type": "array", "items": item},
        "total_size": {"type": "integer"},
        "next_page_token": {"type": "string"},
    }
    parameters = _old_list_parameters()
    if path == "runs":
        parameters.append(_query("resource_reference_key.type", "EXPERIMENT, to list the runs of one."))
        parameters.append(_query("resource_reference_key.id", "Id of that experiment."))
    if path == "versions":
        parameters.append(
            _query("resource_key.type", "Type of the resource that has the versions.", required=True, enum=["PIPELINE"])
        )
        parameters.append(_query("resource_key.id", "Id of the pipeline.", required=True, minLength=1))
    schema = {"type": "object", "properties": page, "additionalProperties": False}
    failures = _failures(400, *((404,) if path in ("runs", "versions") else ()), 500, 503, 504)
    return _operation(
        name, OLD, f"Lists {path}.", {"200": _answer("A page.", schema)} | failures, parameters=parameters
    )


def _old_list_parameters() -> list[dict[str, Any]]:
    return [
        _query("page_token", _PAGE_TOKEN),
        _query("page_size", "Rows per page; 0 means 20.", pattern=_DIGITS),
        _query("sort_by", 'A field, then "asc" (the default) or "desc".'),
        _query("filter", "A Filter as JSON text."),
    ]


def _server() -> Paths:
    def read(name: str, summary: str, responses: dict[str, Any]) -> dict[str, Operation]:
        return {"get": _operation(name, SERVER, summary, responses)}

    ready = {
        "200": _answer("The database responds.", _schema("Ready")),
        "503": _answer("It does not.", _schema("Ready")),
    }
    return {
        "/healthz": read(
            "Server_Alive", "Returns whether the process is running.", {"200": _answer("It is.", _schema("Alive"))}
        ),
        "/readyz": read("Server_Ready", "Returns whether the database responds.", ready),
        "/metrics": read(
            "Server_Metrics",
            "Returns metrics in the text format of Prometheus.",
            {"200": _answer("The metrics.", {"type": "string"}, kind=TEXT)},
        ),
        "/apis/v2beta1/healthz": read(
            "HealthzService_GetHealthz",
            "Returns the server's mode. Needs no identity and does not access the database.",
            {"200": _answer("The mode.", _schema("BuildAndStore"))},
        ),
        "/apis/v1beta1/healthz": read(
            "v1beta1_GetHealthz", "Returns the server's mode.", {"200": _answer("The mode.", _schema("Build"))}
        ),
    }
