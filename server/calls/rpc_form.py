"""Errors over HTTP as the gateway of KFP's API server writes them: google.rpc.Status with ErrorInfo, as JSON.

The HTTP server uses it for paths that no API claims. Written without protobuf: refusals must be cheap.
"""

import json

from server.calls.http_calls import HttpResponse
from server.calls.statuses import DOMAIN, Status

_INFO_TYPE = "type.googleapis.com/google.rpc.ErrorInfo"


def rpc_error(status: Status, http_status: int) -> HttpResponse:
    """Return the response for a status that is not OK."""
    info = {"@type": _INFO_TYPE, "reason": status.reason, "domain": DOMAIN, "metadata": status.data}
    body = {
        "code": status.code,
        "message": status.message,
        "details": [{key: value for key, value in info.items() if value}],
    }
    text = json.dumps({key: value for key, value in body.items() if value}, ensure_ascii=False, separators=(",", ":"))
    # A message may quote an unpaired surrogate from a request, which must not raise another error here.
    return HttpResponse(http_status, text.encode(errors="replace"))
