"""lineal-server demo: serves a store of its own that has a small history."""

from typing import Any

import click

from server import demo_command
from server.commands.options import fail, load_settings, setting_options
from server.commands.serve import serve_until_stopped
from storage.errors import StorageError


@click.command()
@setting_options()
def demo(file: str | None, **flags: Any) -> None:
    """Fill a new store with a small history, and serve it until SIGTERM.

    The store is ./lineal-demo.sqlite, unless --store names another SQLite file; a file that is there already is left alone.
    """
    settings = load_settings(file, {**flags, "store": flags["store"] or demo_command.STORE, "store_password_file": ""})
    try:
        demo_command.fill_new_store(settings.store)
    except (StorageError, demo_command.DemoRefused) as error:
        fail(str(error))
    serve_until_stopped(settings)
