"""Upload routes as KFP's API server has them: a compiled pipeline as a multipart file, everything else in the query.

Not RPCs, since KFP has none for them; errors have the form that its clients expect here. Both versions of its API have these routes.
"""

import json

from server.api import FileBody, HttpForm, HttpRoute
from server.calls.call import Handler
from server.calls.http_calls import HttpResponse
from server.calls.namespaces import by_field, by_pipeline
from server.calls.policy import Rule
from server.calls.statuses import Status
from server.late import Late


def upload_routes(prefix: str, service: str, *, pipeline: Handler, version: Handler) -> tuple[HttpRoute, HttpRoute]:
    """Return the routes under a prefix: a new pipeline with its first version, and a version of a pipeline."""
    in_namespace = Rule("pipelines", "create", by_field("query.namespace"))
    of_pipeline = Rule("pipelines", "create", by_pipeline("query.pipelineid"))
    return (
        _upload(f"{prefix}/pipelines/upload", f"{service}.UploadPipeline", pipeline, in_namespace),
        _upload(f"{prefix}/pipelines/upload_version", f"{service}.UploadPipelineVersion", version, of_pipeline),
    )


def _upload(template: str, name: str, handler: Handler, rule: Rule) -> HttpRoute:
    return HttpRoute(("POST",), template, name, handler, rule, body=_PACKAGE, exclusive=True, form=_FORM)


def _error(status: Status, http_status: int) -> HttpResponse:
    body = {"error_message": status.message, "error_details": status.message}
    return HttpResponse(http_status, json.dumps(body).encode())


_PACKAGE = FileBody(
    "uploadfile", bytes_setting="package_bytes_max", too_large=Late("server.packages.archives:too_large")
)
_FORM = HttpForm(_error)
