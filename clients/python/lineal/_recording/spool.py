"""Spool files: what is recorded, until the server has it. A file belongs to the process that holds its lock.

A file is written at its end only, whole lines at a time: what a killed process leaves behind is complete but for the last line, which
is then cut off. A file whose process is gone can be taken over, by whoever gets its lock.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from lineal._recording.lines import Line, decoded, encoded

SUFFIX = ".jsonl"
READ_BYTES = 256 * 1024
MEMORY_BYTES = 64 * 1024 * 1024
"""How much is kept in memory where no disk takes it. More than that is lost, and reported."""

# Windows locks bytes, and then lets nobody else read them: one that no file has.
_LOCKED_BYTE = 2**40

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> bool | None:
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock(descriptor: int) -> bool | None:
        """Return whether the lock was free, None if this file system has no locks."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return None
        return True


class Full(Exception):
    """There is no room in memory."""


class Place(Protocol):
    """Where lines are kept: a file, or memory."""

    @property
    def name(self) -> str:
        """The name of the file; "" of memory."""
        ...

    @property
    def size(self) -> int:
        """How many bytes have been written."""
        ...

    def append(self, lines: Sequence[Line]) -> int:
        """Write lines, all or none of them; return how many bytes. Raises OSError, Full."""
        ...

    def read(self, offset: int) -> bytes:
        """Return some bytes from there on, b"" at the end. What comes before is not read again."""
        ...

    def delete(self) -> None:
        """Remove it."""
        ...

    def close(self) -> None:
        """Let go of it, so that another process may take it over. Later calls of append raise OSError."""
        ...


class SpoolFile:
    """A spool file whose lock this process holds. Safe to use from several threads."""

    def __init__(self, path: Path, descriptor: int, size: int) -> None:
        self.path, self._descriptor, self._size = path, descriptor, size
        self._lock = threading.Lock()
        self._reader = open(path, "rb")  # noqa: SIM115 - lives as long as the file

    @classmethod
    def create(cls, folder: Path, name: str, header: Line) -> SpoolFile:
        """Make a file that only this user can read. Raises OSError."""
        path = folder / (name + SUFFIX)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _FLAGS, 0o600)
        try:
            _lock(descriptor)
            file = cls(path, descriptor, 0)
            file.append([header])
        except BaseException:
            os.close(descriptor)
            path.unlink(missing_ok=True)
            raise
        return file

    @classmethod
    def take_over(cls, path: Path) -> SpoolFile | None:
        """Return the file of a process that is gone, without its last line if that is torn; None if a process has it, or it is gone.

        Raises OSError if it cannot be opened.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | _FLAGS)
        except FileNotFoundError:
            return None
        try:
            is_ours = _lock(descriptor)
            if is_ours is False or (is_ours is None and _seems_alive(path)) or not _is_at(path, descriptor):
                os.close(descriptor)
                return None
            file = cls(path, descriptor, os.fstat(descriptor).st_size)
            file.cut_torn_line()
        except BaseException:
            os.close(descriptor)
            raise
        return file

    @property
    def name(self) -> str:
        """The name of the file."""
        return self.path.name

    @property
    def size(self) -> int:
        """How many bytes have been written."""
        return self._size

    def append(self, lines: Sequence[Line]) -> int:
        """Write lines, all or none of them; return how many bytes. Raises OSError."""
        data = encoded(lines)
        with self._lock:
            if self._descriptor < 0:
                raise OSError(f"{self.path} was closed")
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(self._descriptor, view) :]
            except OSError:
                # A part of a line would spoil what is written after it.
                os.ftruncate(self._descriptor, self._size)
                raise
            self._size += len(data)
        return len(data)

    def read(self, offset: int) -> bytes:
        """Return some bytes from there on, b"" at the end."""
        with self._lock:
            if self._reader.closed:
                return b""
            self._reader.seek(offset)
            return self._reader.read(min(READ_BYTES, self._size - offset))

    def cut_torn_line(self) -> None:
        """Cut off what follows the last line break."""
        end = self._size
        while end:
            start = max(0, end - READ_BYTES)
            self._reader.seek(start)
            place = self._reader.read(end - start).rfind(b"\n")
            if place >= 0:
                end = start + place + 1
                break
            end = start
        if end < self._size:
            os.ftruncate(self._descriptor, end)
            self._size = end

    def delete(self) -> None:
        """Remove the file."""
        if sys.platform == "win32":
            self.close()
        self.path.unlink(missing_ok=True)
        self.close()

    def abandon(self) -> None:
        """Close what a forked process has of its parent's file, whose lock it would keep. Takes no lock, which may never be free."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._reader.close()

    def close(self) -> None:
        """Let go of the file, so that another process may take it over. Later calls of append raise OSError."""
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
            self._reader.close()


class MemoryPlace:
    """Memory, where no disk can be written: what has been read is forgotten."""

    name = ""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._data = bytearray()
        self._start = 0

    @property
    def size(self) -> int:
        """How many bytes have been written."""
        return self._start + len(self._data)

    def append(self, lines: Sequence[Line]) -> int:
        """Keep lines; return how many bytes. Raises Full."""
        data = encoded(lines)
        with self._lock:
            if len(self._data) + len(data) > MEMORY_BYTES:
                raise Full
            self._data += data
        return len(data)

    def read(self, offset: int) -> bytes:
        """Return some bytes from there on, b"" at the end; what comes before is forgotten."""
        with self._lock:
            del self._data[: offset - self._start]
            self._start = offset
            return bytes(self._data[:READ_BYTES])

    def delete(self) -> None:
        """Forget everything."""
        self.close()

    def close(self) -> None:
        """Forget everything."""
        with self._lock:
            self._start += len(self._data)
            self._data.clear()


def lines_of(place: Place, offset: int = 0) -> Iterator[tuple[Line | None, int]]:
    """Yield the lines from there on, each with the offset after it; None for one that is damaged. Ends where there is no more."""
    rest = b""
    while data := place.read(offset + len(rest)):
        *whole, rest = (rest + data).split(b"\n")
        for text in whole:
            offset += len(text) + 1
            yield decoded(text), offset


def header_of(path: Path) -> Line | None:
    """Return the first line of a file, None if it is not there, or is not one of a spool file."""
    try:
        with path.open("rb") as file:
            header = decoded(file.readline(64 * 1024))
    except OSError:
        return None
    return header if header is not None and "lineal_spool" in header else None


def folders(wanted: str) -> list[Path]:
    """Return the folders in which spool files may be: the one that is wanted, and that of the user in the system's temporary one."""
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return list(dict.fromkeys((Path(wanted), Path(tempfile.gettempdir(), f"lineal-spool-{user}"))))


def make_folder(folder: Path) -> None:
    """Make a folder that only this user can use. Raises OSError, also if it belongs to somebody else."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = os.lstat(folder)
    if not hasattr(os, "getuid") or folder.parent != Path(tempfile.gettempdir()):
        return
    # Everybody can make folders there, and links.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} belongs to somebody else, or is open to others")


_FLAGS: int = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether a file still has its name: its process may have removed it after it was opened."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _seems_alive(path: Path) -> bool:
    """Return whether the process of a file may be there, where locks do not tell."""
    header = header_of(path) or {}
    if header.get("host") != host():
        return True
    try:
        os.kill(int(header.get("pid", 0)), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError):
        return True
    return True


def host() -> str:
    """Return the name of this host."""
    import socket

    return socket.gethostname()
