"""Running `lineal` on a terminal of its own, and reading what it sends there. Called by tests."""

import fcntl
import os
import pty
import re
import struct
import termios
from collections.abc import Mapping

from tests.cli_client.program import Lineal

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(
    lineal: Lineal, *arguments: str, columns: int = 120, rows: int = 30, changes: Mapping[str, str] | None = None
) -> str:
    """Run a command to its end on a terminal of this size, and return everything that the terminal was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = lineal.process(arguments, changes=changes, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    sent = b""
    # When the last process with the other end has ended, Linux says so by an error.
    try:
        while data := os.read(ours, 65536):
            sent += data
    except OSError:
        pass
    finally:
        os.close(ours)
        process.wait(timeout=60)
    return sent.decode().replace("\r\n", "\n")


def without_styles(text: str) -> str:
    """Return a text without its colours."""
    return _STYLE.sub("", text)
