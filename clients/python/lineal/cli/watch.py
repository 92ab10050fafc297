"""`lineal watch`: follows a run until it has ended, on a terminal as a table that changes, elsewhere as lines.

It asks for the progress of the run, which is small, and for its tasks only when that has changed.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import click
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lineal import errors
from lineal._texts import duration_words, enum_name, moment, printable
from lineal.cli import exits, formats, terminal, words
from lineal.cli.connection import Command, with_client
from lineal.cli.exits import Failure, Status
from lineal.cli.finding import find
from lineal.cli.run_sheet import task_counts
from lineal.cli.words import State

if TYPE_CHECKING:
    from lineal.client import Client
    from lineal.v1.runs_pb2 import RunLevel, RunProgress
    from lineal.v2beta1.run_pb2 import Run

PATIENCE_SECONDS = 300.0
"""How long the server may be unreachable, such as while it is upgraded, before the command gives up."""

_DONE = frozenset({"SUCCEEDED", "CACHED", "SKIPPED"})


@click.command("watch", cls=Command)
@click.argument("run")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.2),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to ask.",
)
@with_client
def watch(client: "Client", run: str, interval: float) -> None:
    """Follow a run until it has ended.

    RUN is an id, or the name of exactly one run. On a terminal its tasks are a table that changes; elsewhere each change is a line.
    Ends with status 0 if the run has succeeded, and with 7 if it has not. A server that cannot be reached is waited for, for five
    minutes.

    \b
      lineal watch nightly && deploy
    """
    run_id = find(client, "run", run)
    found = client.get_run(run_id, view="BASIC")
    view: View = LiveView(found) if terminal.is_for_people() else Lines(found)
    with view:
        state = _follow(client, run_id, view, interval)
    _tell_end(client, run_id, state)


class View(Protocol):
    """Shows a run while it is followed."""

    def __enter__(self) -> Any:
        """Begin to show it."""

    def __exit__(self, *_: object) -> None:
        """End."""

    def update(self, progress: "RunProgress", level: "RunLevel") -> None:
        """Show that something has changed."""

    def note(self, sentence: str) -> None:
        """Show a sentence about the connection, "" if there is nothing to say any more."""


def _follow(client: "Client", run_id: str, view: View, interval: float) -> State:
    """Show a run until it has ended, and return its last state. Raises Unavailable after PATIENCE_SECONDS without an answer."""
    version = None
    answered = time.monotonic()
    while True:
        try:
            progress = client.get_run_progress(run_id)
            if progress.version != version:
                view.update(progress, client.get_run_level(run_id))
                version = progress.version
        except (errors.Unavailable, errors.DeadlineExceeded) as error:
            if time.monotonic() - answered > PATIENCE_SECONDS:
                raise
            view.note(f"{exits.sentence_of(error, client.settings.server)}; trying again")
        else:
            answered = time.monotonic()
            view.note("")
            if progress.finished:
                return State(progress.state)
        time.sleep(interval)


def _tell_end(client: "Client", run_id: str, state: State) -> None:
    """Say how the run has ended. Raises Failure unless it has succeeded."""
    report = client.get_run_report(run_id)
    took = words.between(moment(report, "created_at"), moment(report, "finished_at"))
    after = f" after {duration_words(took)}" if took is not None else ""
    look = state.look
    terminal.write_text(Text(f"{look.sign} {printable(report.display_name)} {look.word}{after}", style=look.style))
    if report.blame:
        task = report.blame[-1]
        said = f": {task.message}" if task.message else ""
        terminal.write_text(Text(f"  {printable(task.name)} failed first{printable(said)}"))
    if state != "SUCCEEDED":
        raise Failure(Status.UNSUCCESSFUL)


class Lines:
    """Shows each change as a line that begins with the time."""

    def __init__(self, run: "Run") -> None:
        self._name = printable(run.display_name)
        self._state = ""
        self._states: dict[str, str] = {}
        self._note = ""

    def __enter__(self) -> "Lines":
        """Return the view."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def update(self, progress: "RunProgress", level: "RunLevel") -> None:
        """Write the tasks whose state has changed; the run if its state has, or if tasks that are not shown have changed."""
        changed = [row for row in level.tasks if row.task_id and row.state != self._states.get(row.task_id, "")]
        if progress.state != self._state or not changed:
            self._state = progress.state
            self._write(f"{self._name}: {_state_text(progress.state)}", _counts(progress))
        for row in changed:
            self._states[row.task_id] = row.state
            self._write(f"{_name_of(row)}: {_state_text(row.state)}", _took(row), printable(row.message))

    def note(self, sentence: str) -> None:
        """Write a sentence to standard error, once."""
        if sentence and sentence != self._note:
            exits.complain(sentence)
        self._note = sentence

    def _write(self, *parts: str) -> None:
        terminal.write("  ".join([datetime.now().strftime("%H:%M:%S"), *filter(None, parts)]))
        terminal.flush()


class LiveView:
    """Shows the run and its tasks as a table in the same place of a terminal, with as many of them as it has room for."""

    def __init__(self, run: "Run") -> None:
        self._run = run
        self._state = State(enum_name(run, "state"))
        self._tasks = ""
        self._rows: list[Any] = []
        self._note = ""
        self._live = Live(self, console=terminal.console(), refresh_per_second=4, vertical_overflow="crop")

    def __enter__(self) -> "LiveView":
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Draw for the last time."""
        self._live.stop()

    def update(self, progress: "RunProgress", level: "RunLevel") -> None:
        """Draw something else from now on."""
        self._state, self._tasks, self._rows = State(progress.state), _counts(progress), list(level.tasks)

    def note(self, sentence: str) -> None:
        """Draw a sentence below the table."""
        self._note = sentence

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """Return what is to be seen now."""
        now = words.now()
        look = self._state.look
        created = moment(self._run, "created_at")
        since = f"  for {duration_words(now - created)}" if created and self._state not in _DONE | {"FAILED"} else ""
        yield Text.assemble(
            (printable(self._run.display_name), "bold"), "  ", (f"{look.sign} {look.word}", look.style), (since, "dim")
        )
        yield Text(self._tasks, style="dim")
        shown = fitting(self._rows, max(3, options.max_height - 5))
        yield Group(self._table(shown, now))
        if len(shown) < len(self._rows):
            yield Text(f"… {len(self._rows) - len(shown)} more tasks", style="dim")
        if self._note:
            yield Text(printable(self._note), style="yellow")

    @staticmethod
    def _table(rows: list[Any], now: datetime) -> Table:
        columns = (
            formats.Column("task", lambda row: Text("  " * min(row.depth, 8) + _name_of(row)), least=12),
            formats.Column("state", lambda row: State(row.state) if row.state else Text("not begun", style="dim")),
            formats.Column("took", lambda row: _took(row, now), rank=2),
            formats.Column("message", lambda row: row.message, least=12, rank=1),
        )
        return formats.table(rows, columns, with_head=False)


def fitting(rows: list[Any], count: int) -> list[Any]:
    """Return so many rows at most, in their order: those that run or have failed, then those that have not begun, then others."""
    if len(rows) <= count:
        return rows
    ranked = sorted(range(len(rows)), key=lambda number: (_rank(rows[number].state), -number))
    return [rows[number] for number in sorted(ranked[:count])]


def _rank(state: str) -> int:
    return 0 if state in ("RUNNING", "FAILED") else 1 if state not in _DONE else 2


def _counts(progress: "RunProgress") -> str:
    total, states = task_counts(progress)
    return f"{total} tasks: {states}" if states else ""


def _state_text(state: str) -> str:
    look = State(state).look
    return f"{look.sign} {look.word}"


def _name_of(row: Any) -> str:
    iteration = f" [{row.iteration}]" if row.HasField("iteration") else ""
    loop = f" ({words.counted(row.iterations.count, 'iteration')})" if row.HasField("iterations") else ""
    return f"{printable(row.name)}{iteration}{loop}"


def _took(row: Any, now: datetime | None = None) -> str:
    """Return how long a task took; of a running one how long it has been at work by now."""
    start = moment(row, "started_at") or moment(row, "created_at")
    span = words.between(start, moment(row, "finished_at") or (now if row.state == "RUNNING" else None))
    return "" if span is None else duration_words(span)
