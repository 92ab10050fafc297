"""The files of one recording: written at the end of the last one, sent from the first one on.

There is one, usually. Another one is begun when a file has become large, so that what the server has can be deleted, and where the
disk does not take more: in the temporary folder of the system, or in memory.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from lineal._recording.caller import logger
from lineal._recording.counters import Tally
from lineal._recording.keys import new_key
from lineal._recording.lines import Call, Line, Points, entry_of
from lineal._recording.spool import Full, MemoryPlace, Place, SpoolFile, lines_of, make_folder

FILE_BYTES = 64 * 1024 * 1024
"""How large a file becomes before another one is begun."""

DISK_SECONDS = 10.0
"""How often a disk is tried again that took nothing."""


class Chain:
    """The files of this process's recording. Safe to use from several threads; `lock` may be held by who waits for its changes."""

    def __init__(self, folders: Sequence[Path], header: Callable[[], Line], tally: Tally) -> None:
        self._folders, self._header, self._tally = folders, header, tally
        self._lock = threading.Lock()
        self._places: deque[Place] = deque()
        self._kept: list[Place] = []
        self._retried_at = 0.0
        self._is_full = False
        self.file_bytes = FILE_BYTES

    @property
    def first(self) -> Place | None:
        """The file to be sent, None if nothing was written."""
        return self._places[0] if self._places else None

    @property
    def last(self) -> Place | None:
        """The file that is written, None if nothing was written."""
        return self._places[-1] if self._places else None

    @property
    def second(self) -> Place:
        """The file after the first, if there is one."""
        return self._places[1]

    def has_next(self) -> bool:
        """Return whether there is another file after the first."""
        return len(self._places) > 1

    def append(self, lines: Sequence[Line]) -> bool:
        """Write lines somewhere; return False if there is no room anywhere, which has been told then."""
        with self._lock:
            try:
                written = self._append(lines)
            except Full:
                if not self._is_full:
                    logger.error("changes are lost: no folder for spool files can be written, and memory is full")
                self._is_full = True
                return False
            self._is_full = False
            self._tally.add(spooled_bytes=written)
            return True

    def retire(self, *, keep: bool) -> None:
        """Remove the first file, whose calls are done; `keep` it until the end if what follows needs it."""
        with self._lock:
            place = self._places.popleft()
        if keep:
            self._kept.append(place)
        else:
            place.delete()

    def end(self, *, delete: bool) -> None:
        """Let go of the files; delete them if everything in them is done."""
        with self._lock:
            places, self._places = [*self._kept, *self._places], deque()
        for place in places:
            if delete:
                place.delete()
            else:
                place.close()

    def names(self) -> str:
        """Return where the files are, for people."""
        paths = [str(place.path) for place in self._places if isinstance(place, SpoolFile)]
        return ", ".join(paths) or "memory"

    def names_any(self) -> bool:
        """Return whether a file was begun."""
        return bool(self._places)

    def abandon(self) -> None:
        """Let go of the files of the parent process after a fork: they are not written or removed by this one."""
        for place in (*self._kept, *self._places):
            if isinstance(place, SpoolFile):
                place.abandon()

    def _append(self, lines: Sequence[Line]) -> int:
        place = self.last
        if isinstance(place, MemoryPlace) and time.monotonic() - self._retried_at < DISK_SECONDS:
            return place.append(lines)
        if isinstance(place, SpoolFile) and place.size <= self.file_bytes:
            try:
                return place.append(lines)
            except OSError as error:
                logger.warning("the spool file %s cannot be written: %s", place.path, _words(error))
        return self._begin(lines)

    def _begin(self, lines: Sequence[Line]) -> int:
        """Begin another file with lines."""
        self._retried_at = time.monotonic()
        for folder in self._folders:
            try:
                make_folder(folder)
                file = SpoolFile.create(folder, f"{new_key()}-{os.getpid()}", self._header())
            except OSError as error:
                logger.warning("no spool file can be made in %s: %s", folder, _words(error))
                continue
            try:
                size = file.append(lines)
            except OSError as error:
                file.delete()
                logger.warning("no spool file can be written in %s: %s", folder, _words(error))
                continue
            self._places.append(file)
            return size
        if isinstance(self.last, MemoryPlace):
            return self.last.append(lines)
        logger.warning("what is recorded is kept in memory, and lost if this process ends before the server has it")
        memory = MemoryPlace()
        size = memory.append(lines)
        self._places.append(memory)
        return size


class Reader:
    """Reads the entries of a file, batch by batch."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.offset = 0
        self._next: Call | Points | None = None
        self._lines = lines_of(place)
        self.damaged = 0

    def next_batch(self) -> list[Call | Points]:
        """Return the entries of the next batch; none if nothing more has been written."""
        entries = [self._next] if self._next else []
        self._next = None
        while (entry := self._entry()) is not None:
            if entries and entry.batch != entries[0].batch:
                self._next = entry
                break
            entries.append(entry)
        return entries

    def _entry(self) -> Call | Points | None:
        for line, offset in self._lines:
            self.offset = offset
            try:
                entry = None if line is None else entry_of(line)
            except ValueError:
                line, entry = None, None
            self.damaged += line is None
            if entry is not None:
                return entry
        # What is written from now on is read by another generator: this one has ended.
        self._lines = lines_of(self._place, self.offset)
        return None


def _words(error: OSError) -> str:
    return error.strerror or str(error)
