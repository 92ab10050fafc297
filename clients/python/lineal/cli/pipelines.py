"""`lineal pipelines`: lists pipelines, and shows one with its versions."""

from typing import TYPE_CHECKING

import click

from lineal import errors
from lineal._texts import moment
from lineal.cli import lists, options, terminal
from lineal.cli.connection import Group, with_client
from lineal.cli.exits import Failure, Status
from lineal.cli.finding import is_usual_id
from lineal.cli.formats import Column, Format
from lineal.cli.sheets import Sheet

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.filters import Expression

VERSIONS = 20


@click.group(cls=Group)
def pipelines() -> None:
    """List pipelines, and show one with its versions."""


@pipelines.command("list")
@options.output_option()
@options.list_options("'name~churn' or tags.team=growth")
@options.namespace_option()
@with_client
def list_pipelines(
    client: "Client",
    format: Format,
    filter: "Expression | None",
    sort: str | None,
    limit: int | None,
    namespace: str | None,
) -> None:
    """List pipelines, the newest first."""
    items = client.list_pipelines(
        filter=filter,
        sort_by=sort or "created_at desc",
        namespace=namespace or "",
        page_size=lists.page_size(limit, format),
    )
    lists.show_list(items, COLUMNS, format=format, limit=limit, id_of=lambda each: each.pipeline_id, noun="pipelines")


@pipelines.command("get")
@click.argument("pipeline")
@options.output_option()
@with_client
def get_pipeline(client: "Client", pipeline: str, format: Format) -> None:
    """Show a pipeline and its versions.

    PIPELINE is an id, or the name of a pipeline.
    """
    found = client.get_pipeline(find_pipeline(client, pipeline))
    if format is not Format.TABLE:
        lists.show_one(found, COLUMNS, format=format, id=found.pipeline_id)
        return
    sheet = Sheet(found.display_name or found.name or found.pipeline_id)
    sheet.line("id", found.pipeline_id)
    sheet.line("name", found.name)
    sheet.line("created", moment(found, "created_at"))
    sheet.line("namespace", found.namespace)
    sheet.line("tags", _tags(found))
    sheet.line("error", found.error.message)
    sheet.text("Description", found.description)
    versions = client.list_pipeline_versions(
        found.pipeline_id, sort_by="created_at desc", page_size=VERSIONS + 1
    ).first(VERSIONS + 1)
    sheet.table("Versions", versions[:VERSIONS], _VERSIONS, more="and older ones" if len(versions) > VERSIONS else "")
    terminal.show(sheet.renderable())


def find_pipeline(client: "Client", word: str) -> str:
    """Return the id of a pipeline that is given by its id or its name. Raises Failure if there is none."""
    word = word.removeprefix("pipeline/")
    if is_usual_id(word):
        return word
    try:
        return str(client.get_pipeline_by_name(name=word).pipeline_id)
    except errors.NotFound:
        pass
    try:
        return str(client.get_pipeline(word).pipeline_id)
    except errors.NotFound:
        raise Failure(Status.NOT_FOUND, f"no pipeline has the id or the name {word!r}") from None


def _tags(item: object) -> str:
    tags: dict[str, str] = dict(getattr(item, "tags"))  # noqa: B009 - of pipelines and of their versions
    return ", ".join(f"{name}={value}" if value else name for name, value in sorted(tags.items()))


COLUMNS = (
    Column("id", lambda each: each.pipeline_id),
    Column("name", lambda each: each.name, least=8),
    Column("shown as", lambda each: each.display_name if each.display_name != each.name else "", rank=3, in_csv=False),
    Column("display_name", lambda each: each.display_name, in_table=False),
    Column("created", lambda each: moment(each, "created_at"), rank=2, in_csv=False),
    Column("created_at", lambda each: moment(each, "created_at"), in_table=False),
    Column("tags", _tags, least=12, rank=1),
    Column("namespace", lambda each: each.namespace, in_table=False),
    Column("description", lambda each: each.description, least=12, rank=5),
)
"""The columns of pipelines: of tables, and of CSV."""

_VERSIONS = (
    Column("id", lambda each: each.pipeline_version_id),
    Column("name", lambda each: each.display_name or each.name, least=8),
    Column("created", lambda each: moment(each, "created_at")),
    Column("tags", _tags, least=12, rank=1),
)
