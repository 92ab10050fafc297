"""lineal-server doctor: says what is wrong with settings, store or schema."""

import asyncio
import sys
from typing import Any

import click

import migrations.upgrade
from migrations.mlmd.checkup import examine_imports
from migrations.upgrade import SchemaState
from server import app
from server.commands.options import fail, load_settings, setting_options
from storage.errors import StorageError
from storage.sql.dialects import dialect_for


@click.command()
@setting_options()
def doctor(file: str | None, **flags: Any) -> None:
    """Check settings, store and schema; exit with status 1 if something is wrong."""
    settings = load_settings(file, flags)
    click.echo("settings: valid")
    try:
        dialect = dialect_for(settings.store)
        plan = migrations.upgrade.plan(settings.store)
        if not dialect.is_missing():
            click.echo(f"store: {dialect.label} answers")
        asyncio.run(migrations.upgrade.check(settings.store))
        up_to_date = plan.state is SchemaState.CURRENT
        click.echo(
            f"schema: {plan.revision}, up to date" if up_to_date else f"schema: {migrations.upgrade.explain(plan)}"
        )
        problems, advice = asyncio.run(app.examine_database(settings))
        imports = asyncio.run(examine_imports(settings.store))
    except StorageError as error:
        fail(str(error))
    for problem in problems:
        click.echo(f"database: {problem}")
    if not problems:
        click.echo("database: its settings are safe")
    for sentence in advice:
        click.echo(f"advice: {sentence}")
    for sentence in imports:
        click.echo(f"import: {sentence}")
    if problems:
        sys.exit(1)
