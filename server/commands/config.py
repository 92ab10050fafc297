"""lineal-server config: prints the settings in force."""

import dataclasses
import json
from typing import Any

import click

from server.commands.options import load_settings, setting_options
from storage.sql.dialects import dialect_for


@click.command()
@setting_options()
def config(file: str | None, **flags: Any) -> None:
    """Print the settings in force as TOML; passwords are hidden."""
    settings = load_settings(file, flags)
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
