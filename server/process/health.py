"""Whether the process is alive, whether its database answers, and what Kubeflow Pipelines' UI and SDK request at start."""

from collections.abc import Awaitable, Callable

from server.calls.http_calls import HttpResponse
from server.config import Settings
from server.doors.http.messages import HttpRequest
from server.doors.http.plain_routes import Route, closed_to_others
from server.doors.http.responses import json_response
from server.doors.http.routes import ANY_VERB
from storage.errors import StorageError

PROBE_PATHS = ("/healthz", "/readyz", "/apis/v1beta1/healthz", "/apis/v2beta1/healthz")
"""What is probed; the manifests of Kubeflow Pipelines probe its API server under the last two."""

READS = ("GET", "HEAD")


def _never_dead() -> str:
    return ""


def health_routes(
    settings: Settings, *, is_ready: Callable[[], Awaitable[None]], why_dead: Callable[[], str] = _never_dead
) -> list[Route]:
    """Return /healthz, /readyz, and the healthz of KFP's API server, in both versions of its API.

    `is_ready` raises StorageError if the server is not ready; `why_dead` returns "" as long as the process is alive.
    """
    names = {"commit_sha": settings.commit_sha, "tag_name": settings.tag_name, "multi_user": False}

    async def alive(request: HttpRequest) -> HttpResponse:
        reason = why_dead()
        return (
            json_response({"alive": False, "reason": reason}, status=503) if reason else json_response({"alive": True})
        )

    async def ready(request: HttpRequest) -> HttpResponse:
        try:
            await is_ready()
        except StorageError as error:
            return json_response({"ready": False, "reason": str(error)}, status=503)
        return json_response({"ready": True})

    async def v1beta1(request: HttpRequest) -> HttpResponse:
        return json_response(names)

    async def v2beta1(request: HttpRequest) -> HttpResponse:
        # Not the RPC's message, which lacks the first two names and would leave out false.
        return json_response({**names, "pipeline_store": "database"})

    return [
        (READS, "/healthz", alive),
        (READS, "/readyz", ready),
        ((ANY_VERB,), "/healthz", closed_to_others(*READS)),
        ((ANY_VERB,), "/readyz", closed_to_others(*READS)),
        ((ANY_VERB,), "/apis/v1beta1/healthz", v1beta1),
        ((ANY_VERB,), "/apis/v2beta1/healthz", v2beta1),
    ]
