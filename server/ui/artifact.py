"""The page of an artifact: what made it, from what, what came of it, and how it looked before and after."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from google.protobuf.struct_pb2 import Value
from lineal.v1 import artifacts_pb2, lineage_pb2

from server.calls.http_calls import HttpResponse
from server.ui.calls import Desk
from server.ui.kinds import capitalized, counted, is_hidden, kind_word, name_of
from server.ui.lineage_columns import columns_of
from server.ui.nodes import address_of_node, id_of
from server.ui.rendering import render
from server.ui.run_charts import curve_of, heat_of
from server.ui.series_chart import chart_of
from server.ui.visit import Visit
from storage.documents.plain import plain_number
from storage.record import record

STEPS_MAX = 20
"""How many hops a page goes to one side."""

NODES = 300
"""How many tasks and artifacts are looked for on one side."""

FANOUT = 30
"""How many of the tasks that used an artifact are looked for."""

INLINE_CHARACTERS = 200
"""How long a list or an object in metadata may be, as JSON, to stand in its row without being folded."""

_Origin = artifacts_pb2.ArtifactReport


@record
class MetadataRow:
    """An entry of an artifact's metadata: its value as a text, or as JSON in lines."""

    name: str
    text: str
    is_long: bool


async def page(visit: Visit, desk: Desk) -> HttpResponse:
    """Show an artifact."""
    artifact_id = visit.values["artifact_id"]
    before, after = _steps(visit, "up"), _steps(visit, "down")
    report = await desk.ask("ArtifactReportService.GetArtifactReport", artifact_id=artifact_id)
    start = report.artifact.ref
    answers = [await desk.ask("LineageService.GetLineage", **fields) for fields in _walks(start, before, after)]
    columns = columns_of(visit, start, answers, selected=visit.text("focus"))
    return render(
        visit,
        "artifact.html",
        report=report,
        recipe=report.recipe if report.HasField("recipe") else None,
        written=report.written if report.HasField("written") else None,
        artifact=report.artifact,
        artifact_id=artifact_id,
        name=name_of(report.artifact, next((maker.key for maker in report.makers), "")),
        word=kind_word(report.artifact),
        inputs=counted(each.source.artifact for each in report.recipe.inputs),
        origins=_Origin,
        graph=columns,
        before=before,
        after=after,
        steps_max=STEPS_MAX,
        metadata=await _metadata(report),
        series=chart_of(report.series) if report.HasField("series") else None,
        curve=curve_of(report.roc_curve) if report.HasField("roc_curve") else None,
        matrix=report.confusion_matrix if report.HasField("confusion_matrix") else None,
        heats=heat_of(report.confusion_matrix),
        versions=_versions(report),
        capitalized=capitalized,
        name_of=name_of,
        is_hidden=is_hidden,
        kind_word=kind_word,
        address_of_node=address_of_node,
        id_of=id_of,
    )


def _steps(visit: Visit, name: str) -> int:
    """Return how many hops the page goes to one side: one, if the address does not say it, or none."""
    return visit.number(name, 1, at_least=0, at_most=STEPS_MAX)


def _walks(start: str, before: int, after: int) -> list[dict[str, Any]]:
    """Return what to ask GetLineage: once for both sides if they are equally long."""
    sides = [(lineage_pb2.UPSTREAM, before), (lineage_pb2.DOWNSTREAM, after)]
    if before == after:
        sides = [(lineage_pb2.BOTH, before)]
    fixed = {"start": [start], "node_limit": NODES, "fanout_limit": FANOUT, "run_names": True}
    return [fixed | {"direction": direction, "hops": hops} for direction, hops in sides if hops]


async def _metadata(report: Any) -> Sequence[MetadataRow]:
    # In a thread: it may have hundreds of thousands of characters, and would block the event loop for every other call.
    return await asyncio.to_thread(_metadata_rows, report) if report.HasField("metadata") else ()


def _metadata_rows(report: Any) -> list[MetadataRow]:
    return [_metadata_row(name, _plain(value)) for name, value in sorted(report.metadata.fields.items())]


def _metadata_row(name: str, value: Any) -> MetadataRow:
    if isinstance(value, str):
        return MetadataRow(name, value, is_long=len(value) > INLINE_CHARACTERS)
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= INLINE_CHARACTERS:
        return MetadataRow(name, text, is_long=False)
    return MetadataRow(name, json.dumps(value, ensure_ascii=False, indent=2), is_long=True)


def _plain(value: Value) -> Any:
    """Return a value as JSON has it, whole numbers as such. Imported ones may be infinite, which MessageToDict refuses."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {name: _plain(each) for name, each in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(each) for each in value.list_value.values]
    if kind == "number_value":
        return plain_number(value.number_value)
    return value.string_value if kind == "string_value" else value.bool_value if kind == "bool_value" else None


def _versions(report: Any) -> list[Any]:
    """Return what is at the uri of the artifact, the oldest first, itself included; nothing if it is alone there."""
    if not report.older and not report.younger:
        return []
    this = artifacts_pb2.ArtifactReport.Source(artifact=report.artifact, origin=report.origin)
    if report.makers:
        this.task.CopyFrom(report.makers[0].task)
        if report.makers[0].HasField("run"):
            this.run.CopyFrom(report.makers[0].run)
    return [*report.older, this, *report.younger]
