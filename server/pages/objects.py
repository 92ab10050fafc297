"""Pages that show one object as JSON: the targets of the links that KFP's SDK and command line print.

They show the responses of GetRun, GetExperiment, GetPipeline and GetPipelineVersion, called through the dispatcher.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from google.protobuf.message import Message

from server.api import Api
from server.calls.apart import SerializedMessage
from server.calls.dispatcher import Dispatcher
from server.calls.http_calls import HttpResponse
from server.calls.methods import Method
from server.config import Settings
from server.doors.http.messages import HttpHandler, HttpRequest, page
from server.doors.http.plain_routes import caller_of
from server.doors.rest.json_writer import message_json
from server.pages.assets import address_of

_HTML = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{icon}" type="image/svg+xml">
<link rel="stylesheet" href="{style}">
</head>
<body>
<main class="wide">
<nav aria-label="Lineal"><a href="/">Lineal</a></nav>
<p class="kind">{kind}</p>
<h1>{name}</h1>
{content}
</main>
</body>
</html>
"""

_OBJECT_CONTENT = '<p><a href="{address}">The same over REST</a></p>\n<pre tabindex="0" aria-label="JSON">{text}</pre>'
_MISSING = "<p>{sentence}</p>"


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """One kind of object: its page's path, the method that reads it, and the request's names for the ids of the path."""

    path: str
    kind: str
    method: str
    rest: str


OBJECT_PAGES = (
    ObjectPage("/runs/{run_id}", "Run", "RunService.GetRun", "/apis/v2beta1/runs/{run_id}"),
    ObjectPage(
        "/experiments/{experiment_id}",
        "Experiment",
        "ExperimentService.GetExperiment",
        "/apis/v2beta1/experiments/{experiment_id}",
    ),
    ObjectPage(
        "/pipelines/{pipeline_id}", "Pipeline", "PipelineService.GetPipeline", "/apis/v2beta1/pipelines/{pipeline_id}"
    ),
    ObjectPage(
        "/pipelines/{pipeline_id}/versions/{pipeline_version_id}",
        "Pipeline version",
        "PipelineService.GetPipelineVersion",
        "/apis/v2beta1/pipelines/{pipeline_id}/versions/{pipeline_version_id}",
    ),
)


def object_handlers(dispatcher: Dispatcher, settings: Settings, apis: Sequence[Api]) -> dict[str, HttpHandler]:
    """Return the pages by path; those whose method no API has are left out."""
    methods = {method.name: method for api in apis for method in api.methods}
    return {
        one.path: _handler(one, methods[one.method], dispatcher, settings)
        for one in OBJECT_PAGES
        if one.method in methods
    }


def _handler(kind: ObjectPage, method: Method, dispatcher: Dispatcher, settings: Settings) -> HttpHandler:
    async def show(request: HttpRequest) -> HttpResponse:
        caller = caller_of(request, timeout_seconds=settings.rest_seconds)
        outcome = await dispatcher.dispatch(method, method.request(**request.values), caller)
        if outcome.answer is None:
            content = _MISSING.format(sentence=escape(outcome.status.message))
            return _page(kind.kind, "Not shown", content, status=outcome.status.http_status)
        answer = outcome.answer
        if isinstance(answer, SerializedMessage):
            answer = answer.message()
        name = getattr(answer, "display_name", "") or getattr(answer, "name", "")
        # In a thread: a specification can have megabytes, and would block the event loop for every other call.
        text = await asyncio.to_thread(_readable, answer)
        address = kind.rest.format(**{field: quote(value, safe="") for field, value in request.values.items()})
        return _page(kind.kind, name, _OBJECT_CONTENT.format(address=escape(address), text=escape(text)))

    return show


def _page(kind: str, name: str, content: str, *, status: int = 200) -> HttpResponse:
    html = _HTML.format(
        title=escape(f"{name} – {kind} – Lineal"),
        icon=address_of("lineal.svg"),
        style=address_of("lineal.css"),
        kind=escape(kind),
        name=escape(name),
        content=content,
    )
    return page(html, status=status)


def _readable(message: Message) -> str:
    return json.dumps(json.loads(message_json(message)), indent=2, ensure_ascii=False)
