"""`lineal sync`: sends what recorders have left in spool files when their server could not be reached, or they were killed."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lineal.cli import exits, formats, options, terminal, words
from lineal.cli.connection import Command, with_client
from lineal.cli.exits import Failure, Status
from lineal.cli.formats import Column, Format
from lineal.errors import LinealError

if TYPE_CHECKING:
    from lineal._recording.sync import FileReport
    from lineal.client import Client


@click.command("sync", cls=Command)
@click.option(
    "--spool-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of spool files; by default that of LINEAL_SPOOL_DIR, or else lineal/spool in $XDG_STATE_HOME or ~/.local/state.",
)
@click.option(
    "--any-server",
    is_flag=True,
    help="Send files that were recorded for another address as well: the server has moved.",
)
@options.output_option(Format.TABLE, Format.CSV)
@with_client
def sync(client: "Client", spool_dir: Path | None, any_server: bool, format: Format) -> None:
    """Send what was recorded and could not be sent: by processes that were killed, or whose server could not be reached.

    Each process that records keeps a spool file until the server has what is in it. Files of processes that still run are left to
    them; of others, what the server does not have is sent, in its order, and the file is removed. What the server refuses is kept
    in the folder `rejected`, next to the file. A file is sent to the server that it was recorded for, and to no
    other unless for --any-server.

    \b
      lineal sync --server lineal.example:8887
    """
    from lineal._recording import options as recording_options
    from lineal._recording import spool
    from lineal._recording.sync import sync as sync_files

    wanted = str(spool_dir) if spool_dir else None
    folder = recording_options.load({"spool_dir": wanted}).folder
    folders = [Path(folder)] if spool_dir else spool.folders(folder)
    with _Told():
        reports = list(sync_files(client.settings, folders, any_server=any_server))
    if format is Format.CSV:
        formats.write_csv(reports, COLUMNS)
    elif reports:
        terminal.show(formats.table(reports, COLUMNS))
    else:
        click.echo("no spool files", err=True)
    _end(reports)


def _end(reports: "list[FileReport]") -> None:
    """Return if everything was sent. Raises what kept a file from being sent, Failure if the server has refused something."""
    for report in reports:
        if report.error is not None:
            raise report.error
    rejected = sum(report.rejected for report in reports)
    if rejected:
        raise Failure(
            Status.FAILED, f"the server has refused {words.counted(rejected, 'change')}; see the folder `rejected`"
        )


class _Told(logging.Handler):
    """Shows what the recorder logs as lines of this command, while it is at work."""

    def __enter__(self) -> None:
        """Begin."""
        logging.getLogger("lineal").addHandler(self)

    def __exit__(self, *_: object) -> None:
        """End."""
        logging.getLogger("lineal").removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line to standard error."""
        if record.levelno >= logging.WARNING:
            exits.complain(record.getMessage())


def _outcome(report: "FileReport") -> str:
    error = report.error
    return "not sent" if isinstance(error, LinealError) else report.outcome


COLUMNS = (
    Column("file", lambda report: report.path.name, least=12),
    Column("outcome", _outcome),
    Column("calls", lambda report: report.calls, is_number=True),
    Column("there already", lambda report: report.found, is_number=True),
    Column("refused", lambda report: report.rejected, is_number=True),
    Column("damaged lines", lambda report: report.damaged or None, is_number=True, rank=1),
    Column("path", lambda report: str(report.path), in_table=False),
)
"""The columns of spool files: of tables, and of CSV."""
