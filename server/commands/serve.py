"""lineal-server serve: serves a store until SIGTERM."""

import os
import sys
from typing import Any, NoReturn

import click

from server import __version__, app
from server.calls.policy import MissingPolicy
from server.calls.web_ui import ui_address
from server.commands.options import load_settings, setting_options
from server.config import Settings
from server.process import telemetry
from server.process.workers import WorkerFailed
from storage.errors import StorageError
from storage.sql.dialects import dialect_for


@click.command()
@setting_options()
def serve(file: str | None, **flags: Any) -> None:
    """Serve gRPC and REST until SIGTERM."""
    serve_until_stopped(load_settings(file, flags))


def serve_until_stopped(settings: Settings) -> NoReturn:
    """Serve until a signal ends it, then end the process."""
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
    telemetry.log.flush()
    os._exit(status)
