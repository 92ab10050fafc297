"""Pages that show one object as JSON: experiments, pipelines and their versions, to which the links of KFP's SDK lead."""

import asyncio
import json
from urllib.parse import quote

from google.protobuf.message import Message

from server.calls.http_calls import HttpResponse
from server.doors.rest.json_writer import message_json
from server.ui.calls import Desk
from server.ui.rendering import render
from server.ui.visit import Visit
from storage.record import record


@record
class _Kind:
    """One kind of object: the method that reads it, its path over REST, and the filter of /runs that shows its runs."""

    name: str
    method: str
    rest: str
    runs_filter: str = ""


_EXPERIMENT = _Kind(
    "Experiment", "ExperimentService.GetExperiment", "apis/v2beta1/experiments/{experiment_id}", "experiment"
)
_PIPELINE = _Kind("Pipeline", "PipelineService.GetPipeline", "apis/v2beta1/pipelines/{pipeline_id}", "pipeline")
_VERSION = _Kind(
    "Pipeline version",
    "PipelineService.GetPipelineVersion",
    "apis/v2beta1/pipelines/{pipeline_id}/versions/{pipeline_version_id}",
)


async def experiment_page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show an experiment."""
    return await _page(_EXPERIMENT, visit, desk)


async def pipeline_page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show a pipeline."""
    return await _page(_PIPELINE, visit, desk)


async def version_page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show a version of a pipeline."""
    return await _page(_VERSION, visit, desk)


async def _page(kind: _Kind, visit: Visit, desk: Desk) -> HttpResponse:
    found = await desk.ask(kind.method, **visit.values)
    # In a thread: a specification can have megabytes, and would block the event loop for every other call.
    text = await asyncio.to_thread(_readable, found)
    rest = kind.rest.format(**{field: quote(value, safe="") for field, value in visit.values.items()})
    name = getattr(found, "display_name", "") or getattr(found, "name", "")
    runs = visit.to("runs", **{kind.runs_filter: next(iter(visit.values.values()))}) if kind.runs_filter else ""
    return render(visit, "object.html", kind=kind.name, name=name, text=text, rest=visit.root + rest, runs=runs)


def _readable(message: Message) -> str:
    return json.dumps(json.loads(message_json(message)), indent=2, ensure_ascii=False)
