"""Whether the process is alive, whether its database answers, and what Kubeflow Pipelines' UI and SDK request at start."""

from server.calls.call import Shared
from server.calls.http_calls import HttpResponse
from server.doors.http.messages import HttpRequest
from server.doors.http.plain_routes import Route, closed_to_others
from server.doors.http.responses import json_response
from server.doors.http.routes import ANY_VERB
from storage.errors import StorageError

PROBE_PATHS = ("/healthz", "/readyz", "/apis/v1beta1/healthz", "/apis/v2beta1/healthz")
"""What is probed; the manifests of Kubeflow Pipelines probe its API server under the last two."""


def health_routes(shared: Shared) -> list[Route]:
    """Return /healthz, /readyz, and the healthz of KFP's API server, in both versions of its API."""
    settings = shared.settings
    names = {"commit_sha": settings.commit_sha, "tag_name": settings.tag_name, "multi_user": False}

    async def alive(request: HttpRequest) -> HttpResponse:
        return json_response({"alive": True})

    async def ready(request: HttpRequest) -> HttpResponse:
        try:
            await shared.store.ready()
        except StorageError as error:
            return json_response({"ready": False, "reason": str(error)}, status=503)
        return json_response({"ready": True})

    async def v1beta1(request: HttpRequest) -> HttpResponse:
        return json_response(names)

    async def v2beta1(request: HttpRequest) -> HttpResponse:
        # Not the RPC's message, which lacks the first two names and would leave out false.
        return json_response({**names, "pipeline_store": "database"})

    reads = ("GET", "HEAD")
    return [
        (reads, "/healthz", alive),
        (reads, "/readyz", ready),
        ((ANY_VERB,), "/healthz", closed_to_others(*reads)),
        ((ANY_VERB,), "/readyz", closed_to_others(*reads)),
        ((ANY_VERB,), "/apis/v1beta1/healthz", v1beta1),
        ((ANY_VERB,), "/apis/v2beta1/healthz", v2beta1),
    ]
