"""lineal-server upgrade: brings the schema of a store up to date."""

from typing import Any

import click

import migrations.upgrade
from migrations.upgrade import SchemaState
from server.commands.options import fail, load_settings, setting_options
from storage.errors import StorageError


@click.command()
@setting_options("store")
@click.option("--plan", is_flag=True, help="Only print what would be done.")
def upgrade(file: str | None, plan: bool, **flags: Any) -> None:
    """Bring the schema of the store up to date."""
    settings = load_settings(file, flags)
    try:
        schema = migrations.upgrade.plan(settings.store) if plan else migrations.upgrade.upgrade(settings.store)
    except StorageError as error:
        fail(str(error))
    if schema.state in migrations.upgrade.REFUSED:
        fail(migrations.upgrade.explain(schema))  # only a plan: to do it is refused
    if schema.state is SchemaState.COMPATIBLE:
        click.echo(migrations.upgrade.explain(schema))
        return
    verb = "would apply" if plan else "applied"
    click.echo(
        f"schema was {schema.revision or 'empty'}, newest is {schema.newest}: {verb} {', '.join(schema.steps) or 'nothing'}"
    )
