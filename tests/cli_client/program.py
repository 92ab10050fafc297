"""Running `lineal`: in this process, which takes a tenth of the time of a new one, or as one of its own. Called by tests."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

from lineal.cli.program import run

from tests.faults.cluster import clean_environment

COMMAND = (sys.executable, "-m", "lineal")
ZONE = "XST-2"
"""A zone two hours before UTC, without summer time."""


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    status: int
    out: str
    err: str


class _Stream(io.TextIOWrapper):
    """A stream that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        """What was written."""
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


class Lineal:
    """The command with a server, and without the LINEAL_* settings of whoever runs the tests."""

    def __init__(self, server: str) -> None:
        self.environment = {"LINEAL_SERVER": server}

    def __call__(self, *arguments: str, typed: str = "") -> Ended:
        """Run a command in this process; `typed` is its standard input."""
        out, err = _Stream(), _Stream()
        with (
            mock.patch.dict(os.environ, clean_environment(self.environment), clear=True),
            mock.patch.object(sys, "stdin", io.StringIO(typed)),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = run(arguments)
        return Ended(status, out.text(), err.text())

    def out(self, *arguments: str) -> str:
        """What a command prints; fails unless it ends well and without a word on standard error."""
        ended = self(*arguments)
        assert (ended.status, ended.err) == (0, ""), ended
        return ended.out

    def process(
        self, arguments: Sequence[str], *, changes: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[bytes]":
        """Start a command as a process."""
        environment = clean_environment({**self.environment, "TZ": ZONE, "TERM": "xterm", **(changes or {})})
        for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"):
            if name not in (changes or {}):
                environment.pop(name, None)
        return subprocess.Popen([*COMMAND, *arguments], env=environment, **{"stdin": subprocess.DEVNULL, **options})

    def ended(self, *arguments: str, changes: Mapping[str, str] | None = None) -> Ended:
        """Run a command as a process to its end."""
        process = self.process(arguments, changes=changes, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, err = process.communicate(timeout=60)
        return Ended(process.returncode, out.decode(), err.decode())
