"""`lineal artifacts`: lists artifacts, and shows one with what made it."""

from typing import TYPE_CHECKING, Any

import click
from rich.console import RenderableType

from lineal._texts import enum_name, moment, number_words
from lineal.cli import formats, lists, options, terminal, words
from lineal.cli.connection import Group, with_client
from lineal.cli.finding import find, id_of
from lineal.cli.formats import Column, Format
from lineal.cli.sheets import Sheet

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.filters import Expression
    from lineal.v1.artifacts_pb2 import ArtifactReport


@click.group(cls=Group)
def artifacts() -> None:
    """List artifacts, and show one with what made it."""


@artifacts.command("list")
@options.output_option()
@options.list_options("'type=Model and name~churn' or 'uri=s3://bucket/model'")
@options.namespace_option()
@with_client
def list_artifacts(
    client: "Client",
    format: Format,
    filter: "Expression | None",
    sort: str | None,
    limit: int | None,
    namespace: str | None,
) -> None:
    """List artifacts, the newest first."""
    items = client.list_artifacts(
        filter=filter,
        sort_by=sort or "created_at desc",
        namespace=namespace or "",
        page_size=lists.page_size(limit, format),
    )
    lists.show_list(
        items, COLUMNS, format=format, limit=limit, id_of=lambda artifact: artifact.artifact_id, noun="artifacts"
    )


@artifacts.command("get")
@click.argument("artifact")
@options.output_option()
@with_client
def get_artifact(client: "Client", artifact: str, format: Format) -> None:
    """Show an artifact, and what made it: task, run, parameters, inputs, metrics.

    ARTIFACT is an id, or the name or the uri of exactly one artifact. `lineal lineage` goes on from here.
    """
    artifact_id = find(client, "artifact", artifact)
    if format is Format.TABLE:
        terminal.show(_sheet(client.get_artifact_report(artifact_id)))
    else:
        lists.show_one(client.get_artifact(artifact_id), COLUMNS, format=format, id=artifact_id)


def _sheet(report: "ArtifactReport") -> RenderableType:
    node = report.artifact
    sheet = Sheet(node.name or id_of(node))
    sheet.line("id", id_of(node))
    sheet.line("type", node.type)
    sheet.line("number", node.number if node.HasField("number") else None)
    sheet.line("uri", node.uri)
    sheet.line("created", moment(node, "created_at"))
    sheet.line("namespace", node.namespace)
    sheet.line("came from", _ORIGINS.get(enum_name(report, "origin"), ""))
    if report.HasField("written"):
        sheet.line("was written as", report.written.artifact.ref)
    sheet.line("taken by", _consumers(report))
    sheet.text("Description", report.description)
    sheet.table("Made by", report.makers, _PRODUCERS, more="and more" if report.more_makers else "")
    sheet.table("Also put out by", report.others, _PRODUCERS, more="and perhaps more" if report.more_others else "")
    if report.HasField("recipe"):
        _add_recipe(sheet, report.recipe)
    metadata = formats.plain_message(report.metadata)
    sheet.pairs("Metadata", ((name, _json(value)) for name, value in metadata.items()))
    if report.metadata_characters_left_out:
        sheet.text("Metadata", f"{report.metadata_characters_left_out:,} characters of JSON: -o json shows them")
    sheet.table("Older at its uri", report.older, _SOURCES, more="and older ones" if report.more_older else "")
    sheet.table("Younger at its uri", report.younger, _SOURCES, more="and younger ones" if report.more_younger else "")
    return sheet.renderable()


def _add_recipe(sheet: Sheet, recipe: "ArtifactReport.Recipe") -> None:
    sheet.pairs(
        "Recipe",
        [
            (name, value)
            for name, value in (
                ("run", f"{recipe.run.name}  {id_of(recipe.run)}"),
                ("task", " › ".join(step.name for step in recipe.path)),
                ("took", words.between(moment(recipe, "started_at"), moment(recipe, "finished_at"))),
                ("experiment", recipe.experiment_name or recipe.experiment_id),
                ("pipeline", recipe.pipeline_name or recipe.pipeline_id),
                ("version", recipe.pipeline_version_name or recipe.pipeline_version_id),
                ("image", recipe.image),
            )
            if value
        ],
    )
    more = {True: "and more", False: ""}
    sheet.pairs("Parameters", map(_named, recipe.parameters), more=more[recipe.more_parameters])
    sheet.pairs("Parameters of the run", map(_named, recipe.run_parameters), more=more[recipe.more_run_parameters])
    sheet.table("Inputs", recipe.inputs, _INPUTS, more=more[recipe.more_inputs])
    sheet.table("Metrics", [*recipe.metrics, *recipe.run_metrics], _METRICS, more=more[recipe.more_metrics])


def _named(parameter: Any) -> tuple[str, str]:
    return parameter.name, parameter.text


def _json(value: Any) -> str:
    return value if isinstance(value, str) else formats.json_text(value, indent=None)


def _consumers(report: "ArtifactReport") -> str:
    if not report.consumers:
        return ""
    return words.counted(report.consumers, "task") + (" or more" if report.more_consumers else "")


_ORIGINS = {
    "NOT_RECORDED": "not recorded",
    "MADE": "a task, which made it",
    "IMPORTED": "elsewhere: a task imported it",
    "CACHED": "the cache",
    "GROUP": "a group of tasks",
}

_PRODUCERS = (
    Column("task", lambda each: each.task.name or each.task.type),
    Column("as", lambda each: each.key + (f" [{each.iteration}]" if each.HasField("iteration") else "")),
    Column("state", lambda each: words.State(each.task.state) if each.task.state else None),
    Column("run", lambda each: each.run.name, least=8, rank=3),
    Column("id", lambda each: id_of(each.task)),
)
_SOURCES = (
    Column("id", lambda each: id_of(each.artifact)),
    Column("created", lambda each: moment(each.artifact, "created_at")),
    Column("made by", lambda each: each.task.name),
    Column("run", lambda each: each.run.name, least=8, rank=3),
)
_INPUTS = (
    Column("as", lambda each: each.key),
    Column("name", lambda each: each.source.artifact.name or each.source.artifact.type, least=8),
    Column("made by", lambda each: each.source.task.name),
    Column("run", lambda each: each.source.run.name, least=8, rank=3),
    Column("uri", lambda each: each.source.artifact.uri, least=16, rank=1),
    Column("id", lambda each: id_of(each.source.artifact)),
)
_METRICS = (
    Column("metric", lambda each: each.artifact.name),
    Column("value", lambda each: each.artifact.number if each.artifact.HasField("number") else None, is_number=True),
    Column("task", lambda each: each.task.name),
)

COLUMNS = (
    Column("id", lambda artifact: artifact.artifact_id),
    Column("name", lambda artifact: artifact.name, least=8),
    Column("type", lambda artifact: enum_name(artifact, "type"), rank=2),
    Column("created", lambda artifact: moment(artifact, "created_at"), rank=3, in_csv=False),
    Column("created_at", lambda artifact: moment(artifact, "created_at"), in_table=False),
    Column(
        "number",
        lambda artifact: number_words(artifact.number_value) if artifact.HasField("number_value") else None,
        is_number=True,
        in_csv=False,
    ),
    Column(
        "number_value",
        lambda artifact: artifact.number_value if artifact.HasField("number_value") else None,
        in_table=False,
    ),
    Column("namespace", lambda artifact: artifact.namespace, in_table=False),
    Column("uri", lambda artifact: artifact.uri, least=16, rank=1),
)
"""The columns of artifacts: of tables, and of CSV."""
