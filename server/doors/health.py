"""Whether the process lives, whether its database answers, and what Kubeflow Pipelines' UI and SDK ask at their start."""

import json
from typing import Any

from server.call import Call
from server.doors.http_messages import HttpRequest, HttpResponse
from server.doors.plain import Route, closed_to_others
from server.doors.routes import ANY_VERB
from storage.errors import StorageError


def health_routes(call: Call) -> list[Route]:
    """Return /healthz, /readyz, and the reference's healthz in both versions of its API."""
    settings = call.settings
    names = {"commit_sha": settings.commit_sha, "tag_name": settings.tag_name, "multi_user": False}

    async def alive(request: HttpRequest) -> HttpResponse:
        return _json({"alive": True})

    async def ready(request: HttpRequest) -> HttpResponse:
        try:
            await call.store.ready()
        except StorageError as error:
            return _json({"ready": False, "reason": str(error)}, status=503)
        return _json({"ready": True})

    async def v1beta1(request: HttpRequest) -> HttpResponse:
        return _json(names)

    async def v2beta1(request: HttpRequest) -> HttpResponse:
        # Not the RPC's message: it lacks the first two names, and false would be left out.
        return _json({**names, "pipeline_store": "database"})

    reads = ("GET", "HEAD")
    return [
        (reads, "/healthz", alive),
        (reads, "/readyz", ready),
        ((ANY_VERB,), "/healthz", closed_to_others(*reads)),
        ((ANY_VERB,), "/readyz", closed_to_others(*reads)),
        ((ANY_VERB,), "/apis/v1beta1/healthz", v1beta1),
        ((ANY_VERB,), "/apis/v2beta1/healthz", v2beta1),
    ]


def _json(plain: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(status, json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode())
