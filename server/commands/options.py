"""What commands have in common: settings as options, and how a command ends that cannot be carried out."""

import json
import os
import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import click

from server.config import (
    SETTINGS_FILE_VARIABLE,
    InvalidSetting,
    Settings,
    load,
    setting_fields,
    variable_of,
    variables,
)
from server.variables import strange_variables
from storage.errors import StorageError
from storage.sql.dialects import dialect_for

Command = TypeVar("Command", bound=Callable[..., Any])


def setting_options(*names: str) -> Callable[[Command], Command]:
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


def fail(message: str) -> NoReturn:
    """Say why a command was not carried out, and end with status 1."""
    click.echo(f"lineal-server: {message}", err=True)
    sys.exit(1)


def load_settings(file: str | None, flags: dict[str, Any]) -> Settings:
    """Return the settings in force; end with status 2 if one cannot be used."""
    try:
        settings = load(flags, file=file)
        dialect_for(settings.store)
    except (InvalidSetting, StorageError) as error:
        click.echo(f"lineal-server: {error}", err=True)
        sys.exit(2)
    if strange := strange_variables(os.environ, variables()):
        click.echo(f"lineal-server: not settings, and ignored: {', '.join(strange)}", err=True)
    return settings
