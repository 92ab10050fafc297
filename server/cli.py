"""The command line: lineal-server serve · demo · upgrade · doctor · config · lineage, and import-mlmd, which has its own file.

Exit status: 0 when done, 1 when not done, 2 for wrong usage.
"""

import asyncio
import dataclasses
import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

import migrations.upgrade
from migrations.mlmd.checkup import examine_imports
from migrations.upgrade import SchemaState
from server import __version__, app, demo_command, lineage_command
from server.apis.lineal.lineage import HOPS_DEFAULT, HOPS_MAX
from server.calls.policy import MissingPolicy
from server.calls.web_ui import ui_address
from server.config import (
    SETTINGS_FILE_VARIABLE,
    InvalidSetting,
    Settings,
    load,
    setting_fields,
    variable_of,
    variables,
)
from server.errors import ApiError
from server.import_command import import_mlmd
from server.process import telemetry
from server.process.workers import WorkerFailed
from server.variables import strange_variables
from storage.errors import StorageError
from storage.redaction import without_secrets
from storage.sql.dialects import dialect_for

Command = TypeVar("Command", bound=Callable[..., Any])


def _setting_options(*names: str) -> Callable[[Command], Command]:
    """Derive options from the fields of Settings, so that flags, variables and file never differ."""

    def decorate(command: Command) -> Command:
        for setting in reversed(setting_fields()):
            if names and setting.name not in names:
                continue
            flag = f"--{setting.name.replace('_', '-')}"
            default = json.dumps(setting.default)
            command = click.option(
                f"{flag}/--no-{flag[2:]}" if setting.type is bool else flag,
                setting.name,
                type=setting.type,
                default=None,
                help=f"{setting.metadata['meaning']}.  [{variable_of(setting.name)}; default {default}]",
            )(command)
        return click.option(
            "--settings-file",
            "file",
            help=f"A TOML file with settings, named as in the output of `config`.  [{SETTINGS_FILE_VARIABLE}]",
        )(command)

    return decorate


def _fail(message: str) -> NoReturn:
    click.echo(f"lineal-server: {message}", err=True)
    sys.exit(1)


def _load(file: str | None, flags: dict[str, Any]) -> Settings:
    try:
        settings = load(flags, file=file)
        dialect_for(settings.store)
    except (InvalidSetting, StorageError) as error:
        click.echo(f"lineal-server: {error}", err=True)
        sys.exit(2)
    if strange := strange_variables(os.environ, variables()):
        click.echo(f"lineal-server: not settings, and ignored: {', '.join(strange)}", err=True)
    return settings


class _Commands(click.Group):
    """The commands. What they say of words that they do not understand, such as a URL without --store, has no passwords."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that is named."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise click.UsageError(without_secrets(error.format_message()), error.ctx) from None


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="lineal-server")
def main() -> None:
    """Lineal stores the history of ML pipelines: runs, tasks, artifacts and lineage."""


@main.command()
@_setting_options()
def serve(file: str | None, **flags: Any) -> None:
    """Serve gRPC and REST until SIGTERM."""
    _serve(_load(file, flags))


@main.command()
@_setting_options()
def demo(file: str | None, **flags: Any) -> None:
    """Fill a new store with a small history, and serve it until SIGTERM.

    The store is ./lineal-demo.sqlite, unless --store names another SQLite file; a file that is there already is left alone.
    """
    settings = _load(file, {**flags, "store": flags["store"] or demo_command.STORE, "store_password_file": ""})
    try:
        demo_command.fill_new_store(settings.store)
    except (StorageError, demo_command.DemoRefused) as error:
        _fail(str(error))
    _serve(settings)


def _serve(settings: Settings) -> NoReturn:
    telemetry.configure(level=settings.log_level, format=settings.log_format)

    def announce(addresses: app.Addresses) -> None:
        admin = f", admin on http://{addresses.admin}" if addresses.admin else ""
        click.echo(
            f"Lineal {__version__}: {ui_address(addresses.rest, settings.ui_url)} in a browser, gRPC on {addresses.grpc}, "
            f"REST on http://{addresses.rest}, store {label}{admin}"
        )
        sys.stdout.flush()

    try:
        label = dialect_for(settings.store).label
        app.serve(settings, announce)
        status = 0
    except (StorageError, WorkerFailed, MissingPolicy, OSError) as error:
        click.echo(f"lineal-server: {error}", err=True)
        status = 1
    # Cancelled calls can leave threads that wait for the database, and the interpreter would wait for those.
    sys.stdout.flush()
    os._exit(status)


@main.command()
@_setting_options("store")
@click.option("--plan", is_flag=True, help="Only print what would be done.")
def upgrade(file: str | None, plan: bool, **flags: Any) -> None:
    """Bring the schema of the store up to date."""
    settings = _load(file, flags)
    try:
        schema = migrations.upgrade.plan(settings.store) if plan else migrations.upgrade.upgrade(settings.store)
    except StorageError as error:
        _fail(str(error))
    if schema.state in migrations.upgrade.REFUSED:
        _fail(migrations.upgrade.explain(schema))  # only a plan: to do it is refused
    if schema.state is SchemaState.COMPATIBLE:
        click.echo(migrations.upgrade.explain(schema))
        return
    verb = "would apply" if plan else "applied"
    click.echo(
        f"schema was {schema.revision or 'empty'}, newest is {schema.newest}: {verb} {', '.join(schema.steps) or 'nothing'}"
    )


@main.command()
@_setting_options()
def doctor(file: str | None, **flags: Any) -> None:
    """Check settings, store and schema; exit with status 1 if something is wrong."""
    settings = _load(file, flags)
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
        _fail(str(error))
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


@main.command()
@click.argument("start", metavar="ARTIFACT|URI")
@_setting_options("store", "store_password_file")
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
    settings = _load(file, flags)
    try:
        asyncio.run(migrations.upgrade.check(settings.store))
        lineage_command.lineage(settings, start, up=up, down=down, hops=hops, parameters=parameters, as_json=as_json)
    except (StorageError, ApiError) as error:
        _fail(str(error))


@main.command()
@_setting_options()
def config(file: str | None, **flags: Any) -> None:
    """Print the settings in force as TOML; passwords are hidden."""
    settings = _load(file, flags)
    for setting in dataclasses.fields(settings):
        value = getattr(settings, setting.name)
        if setting.name == "store":
            value = dialect_for(value).label
            if settings.store_password_file:
                value = value.replace(":***@", "@")  # or what is printed could not be given back
        click.echo(f"# {setting.metadata['meaning']}\n{setting.name} = {_toml(value)}")


def _toml(value: object) -> str:
    """Write a setting's value as TOML, whose escapes differ from JSON's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


main.add_command(import_mlmd)
