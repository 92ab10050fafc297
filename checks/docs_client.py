"""The generated blocks of the Python client's page. docs_blocks.py calls this."""

import re
from dataclasses import fields

from docs_tables import table
from lineal import client
from lineal._recording import options
from lineal._retries import is_safe
from lineal.methods import METHODS
from lineal.settings import Settings, variable_of


def client_settings() -> str:
    """Return every setting of the client: argument, variable, default, meaning."""
    return _arguments(Settings)


def recorder_options() -> str:
    """Return every setting of the recorder: argument, variable, default, meaning."""
    return _arguments(options.Options)


def client_methods() -> str:
    """Return every method of the client: what it does, and whether it is safe by itself."""
    rows = []
    for method in METHODS:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", method.name.partition(".")[2]).lower()
        text = " ".join(str(getattr(client.Client, name).__doc__).partition("\n\n")[0].split())
        rows.append(
            (f"`{name}`", text.partition(". ")[0].rstrip(".") + ".", "by itself" if is_safe(method) else "with a key")
        )
    return table(("method", "what it does", "sent again"), rows)


def _arguments(settings: type[Settings | options.Options]) -> str:
    rows = [
        (f"`{each.name}`", f"`{variable_of(each.name)}`", _default(each.default), f"{each.metadata['meaning']}.")
        for each in fields(settings)
    ]
    return table(("argument", "variable", "default", "meaning"), rows)


def _default(value: object) -> str:
    if value is None or value == "":
        return "–"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
