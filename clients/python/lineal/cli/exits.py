"""How the command ends: its exit status, and the one line on standard error that says why. `program` calls this.

No traceback is ever shown, unless LINEAL_TRACEBACK is set: a defect of the command itself is one line, too.
"""

import enum
import os
import re
import sys
import traceback

import click

from lineal import errors
from lineal.cli.words import one_line

TRACEBACK_VARIABLE = "LINEAL_TRACEBACK"
"""If this variable is set, errors are followed by where they were raised."""


class Status(enum.IntEnum):
    """The exit statuses of `lineal`. `meaning` is a line of the manual."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> "Status":
        """Return a status with its meaning."""
        status = int.__new__(cls, number)
        status._value_ = number
        status.meaning = meaning
        return status

    DONE = 0, "What was asked for was done."
    FAILED = 1, "The server refused or failed a call, or something else went wrong."
    USAGE = (
        2,
        "The command was used wrongly: an unknown option, a filter that cannot be read, a name that several things have.",
    )
    NOT_FOUND = 3, "Something that was named does not exist."
    UNREACHABLE = 4, "The server could not be reached, or did not answer in time."
    DECLINED = 5, "The question was answered with no, or nobody was there to answer it. Nothing was done."
    FORBIDDEN = 6, "The server did not accept the token, or does not allow this."
    UNSUCCESSFUL = 7, "`watch`: the run has ended, and has not succeeded."
    INTERRUPTED = 130, "Interrupted with Ctrl-C."
    PIPE_CLOSED = 141, "Whoever read the output has stopped reading, as `head` does."


class Failure(Exception):
    """The command ends with a status, and with a sentence unless that is empty."""

    def __init__(self, status: Status, sentence: str = "") -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


_STATUSES: tuple[tuple[type[BaseException], Status], ...] = (
    (errors.SettingsError, Status.USAGE),
    (errors.InvalidArgument, Status.USAGE),
    (errors.NotFound, Status.NOT_FOUND),
    (errors.Unavailable, Status.UNREACHABLE),
    (errors.DeadlineExceeded, Status.UNREACHABLE),
    (errors.PermissionDenied, Status.FORBIDDEN),
    (errors.Unauthenticated, Status.FORBIDDEN),
)

_BEFORE_WHY = re.compile(r".*last error: [A-Z_]+: \S+: (?:Failed to connect to remote host: )?", re.DOTALL)
"""What gRPC says of a connection before it says why there is none."""

_OF_THE_SERVER = (errors.Internal, errors.Unknown, errors.DataLoss, errors.Cancelled, errors.OutcomeUnknown)
"""Errors that are looked for in the server's log."""


def status_of(error: BaseException) -> Status:
    """Return the exit status of an error."""
    if isinstance(error, Failure):
        return error.status
    if isinstance(error, (click.UsageError, click.FileError)):
        return Status.USAGE
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Status.INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return Status.PIPE_CLOSED
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), Status.FAILED)


def sentence_of(error: BaseException, server: str = "") -> str:
    """Return what is said of an error, without a line break; "" if nothing is. `server` is where calls went, if that is known."""
    if server and isinstance(error, errors.Unavailable) and not error.reason:
        return one_line(f"no server could be reached at {server}: {_BEFORE_WHY.sub('', error.message)}")
    if isinstance(error, (KeyboardInterrupt, click.Abort, BrokenPipeError)):
        return ""
    return one_line(_sentence_of(error))


def _sentence_of(error: BaseException) -> str:
    if isinstance(error, Failure):
        return error.sentence
    if isinstance(error, click.ClickException):
        return error.format_message().rstrip(".") + _hint(error)
    if isinstance(error, errors.LinealError):
        has_log_line = isinstance(error, _OF_THE_SERVER) and error.request_id
        return error.message + (f" (request {error.request_id})" if has_log_line else "")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror or error}"
    return f"a defect of this command: {type(error).__name__}: {error}; {TRACEBACK_VARIABLE}=1 shows where"


def _hint(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return "" if context is None else f"; see {context.command_path} --help"


def tell(error: BaseException, server: str = "") -> Status:
    """Write what is said of an error to standard error, and return its exit status."""
    if sentence := sentence_of(error, server):
        complain(sentence)
    if os.environ.get(TRACEBACK_VARIABLE):
        traceback.print_exception(type(error), error, error.__traceback__)
    return status_of(error)


def complain(sentence: str) -> None:
    """Write a line to standard error, which begins with the name of the command."""
    click.echo(f"lineal: {one_line(sentence)}", err=True)


def let_go_of_output() -> None:
    """Stop writing to a pipe that nobody reads: Python would complain of what it could not flush when it ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # standard output that is no file, or is closed
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it lives as long as the process
