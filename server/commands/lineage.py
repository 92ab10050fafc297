"""lineal-server lineage: prints what made an artifact, and what came of it."""

import asyncio
from typing import Any

import click

import migrations.upgrade
from server import lineage_command
from server.apis.lineal.lineage import HOPS_DEFAULT, HOPS_MAX
from server.commands.options import fail, load_settings, setting_options
from server.errors import ApiError
from storage.errors import StorageError


@click.command()
@click.argument("start", metavar="ARTIFACT|URI")
@setting_options("store", "store_password_file")
@click.option("--up", is_flag=True, help="Only what it came from.")
@click.option("--down", is_flag=True, help="Only what came of it.")
@click.option(
    "--hops", type=click.IntRange(1, HOPS_MAX), default=HOPS_DEFAULT, show_default=True, help="How far to go."
)
@click.option("--parameters", is_flag=True, help="Also follow parameters from task to task.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer of GetLineage as JSON.")
def lineage(
    file: str | None, start: str, up: bool, down: bool, hops: int, parameters: bool, as_json: bool, **flags: Any
) -> None:
    """Print what made an artifact, and what came of it.

    ARTIFACT is an id, or task/ID or run/ID; a URI leads to the artifacts that were written to it or read from it.
    """
    settings = load_settings(file, flags)
    try:
        asyncio.run(migrations.upgrade.check(settings.store))
        lineage_command.lineage(settings, start, up=up, down=down, hops=hops, parameters=parameters, as_json=as_json)
    except (StorageError, ApiError) as error:
        fail(str(error))
