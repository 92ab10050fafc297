"""Forks: a child records for itself, in a file of its own. What its parent had recorded before stays the parent's to send.

The child may refer to runs, tasks and artifacts of the parent that the server does not have yet. It therefore sends nothing before
the parent's file says that the server has what was recorded before the fork, or is gone.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from lineal._recording.chain import Chain
from lineal._recording.lines import Line
from lineal._recording.marks import Artifacts, Marks
from lineal._recording.spool import SpoolFile, lines_of

POLL_SECONDS = 0.2


class Forking(Protocol):
    """What is told of forks."""

    def before_fork(self) -> None:
        """Called in the process that is about to be forked."""
        ...

    def after_fork_in_parent(self) -> None:
        """Called in it afterwards."""
        ...

    def after_fork_in_child(self) -> None:
        """Called in the new process."""
        ...


_recordings: weakref.WeakSet[Forking] = weakref.WeakSet()


def watch(recording: Forking) -> None:
    """Tell a recording of forks from now on."""
    _recordings.add(recording)


class _Reading:
    """A file of another process, only read."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._file = open(path, "rb")  # noqa: SIM115 - kept, so that it can be read when its name is gone

    @property
    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def append(self, lines: object) -> int:
        raise OSError("the file is another process's")

    def read(self, offset: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(256 * 1024)
        # A line that is being written is read when it is whole.
        return data[: data.rfind(b"\n") + 1]

    def delete(self) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def is_at(self, path: Path) -> bool:
        try:
            return os.path.samestat(os.stat(path), os.fstat(self._file.fileno()))
        except FileNotFoundError:
            return False


class Before:
    """The file of another process, and up to which of its batches the server must have what is in it."""

    def __init__(self, path: Path, upto: int) -> None:
        self.path, self.upto = path, upto
        self._marks = Marks()
        self._offset = 0
        self._reading: _Reading | None = None
        try:
            self._reading = _Reading(path)
        except OSError:
            self._reading = None

    @classmethod
    def of_line(cls, folder: Path, line: Line) -> Before | None:
        """Return what a header says; None if it says nothing of this kind."""
        before: dict[str, Any] | None = line.get("after")
        return None if before is None else Before(folder / str(before["file"]), int(before["upto"]))

    def line(self) -> Line:
        """Return what a header is to say."""
        return {"file": self.path.name, "upto": self.upto}

    def is_done(self, artifacts: Artifacts) -> bool:
        """Return whether the server has it all: then, or once the file is gone, the ids of artifacts in it are known."""
        if self._reading is None:
            return True
        is_there = self._reading.is_at(self.path)
        for line, offset in lines_of(self._reading, self._offset):
            self._offset = offset
            self._marks.read([line], artifacts)
        if is_there and self._marks.upto < self.upto:
            return False
        self._reading.close()
        self._reading = None
        return True

    def wait(self, artifacts: Artifacts, stop: threading.Event, meanwhile: Callable[[], None]) -> None:
        """Return when it is done, or the recording was closed. `meanwhile` is called from time to time."""
        while not self.is_done(artifacts) and not stop.wait(POLL_SECONDS):
            meanwhile()


def before_of(chain: Chain, written: int, acknowledged: int) -> Before | None:
    """Return what a child of this process has to wait for; None if there is nothing."""
    place = chain.last
    if written <= acknowledged or not isinstance(place, SpoolFile):
        return None
    return Before(place.path, written)


def _before() -> None:
    for recording in list(_recordings):
        recording.before_fork()


def _in_parent() -> None:
    for recording in list(_recordings):
        recording.after_fork_in_parent()


def _in_child() -> None:
    for recording in list(_recordings):
        recording.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
