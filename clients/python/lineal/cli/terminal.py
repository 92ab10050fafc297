"""Standard output: whether a person or a program reads it, and in which form texts may be sent there.

Nothing that is stored can act on a terminal: names are written as they are, never as markup, and without control characters.
"""

import io
import os
import sys
from collections.abc import Iterator

from rich.console import Console, RenderableType
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 100_000
"""What is not read on a screen is not cut or folded."""

NARROWEST = 40
"""Tables for narrower screens than this many columns are cut at this width."""


def prepare_output() -> None:
    """Let standard output take every text: UTF-8 in pipes and files, and what a terminal lacks becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, io.TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="replace")
        else:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def is_for_people() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def console(*, to_stderr: bool = False) -> Console:
    """Return a console that takes no text for markup, with colours only on a terminal and unless NO_COLOR is set."""
    stream = sys.stderr if to_stderr else sys.stdout
    plain = bool(os.environ.get("NO_COLOR")) or not stream.isatty()
    made = Console(
        file=stream,
        color_system=None if plain else "auto",
        force_terminal=stream.isatty(),
        markup=False,
        highlight=False,
        emoji=False,
        width=None if stream.isatty() else WIDTH_WITHOUT_TERMINAL,
    )
    if stream.isatty() and made.width < NARROWEST:
        made.width = NARROWEST
    return made


def width() -> int:
    """Return how many columns there are for a table."""
    return console().width


def show(renderable: RenderableType) -> None:
    """Write something to standard output; lines in pipes and files do not end with spaces."""
    out = console()
    if is_for_people():
        out.print(renderable)
        return
    with out.capture() as captured:
        out.print(renderable)
    sys.stdout.writelines(_without_padding(captured.get()))


def write_text(line: Text) -> None:
    """Write a line that is styled on a terminal, and never cut: what is too long for the screen continues on its next line."""
    if is_for_people():
        console().print(line, soft_wrap=True)
    else:
        write(line.plain.rstrip())


def flush() -> None:
    """Send what was written to whoever reads it."""
    sys.stdout.flush()


def write(line: str) -> None:
    """Write a line of plain text."""
    sys.stdout.write(f"{line}\n")


def _without_padding(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"{line.rstrip()}\n"
