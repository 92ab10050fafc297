"""Which file a SQLite store is: who serves it, and whether its path still leads to it.

SQLite's own locks are POSIX locks, which a process loses when it closes any descriptor of the file. What is opened here is
therefore never closed, one descriptor per file; everything else asks by path, with os.stat. SQLite does not use flock, so
that a lock by flock does not meet SQLite's.
"""

import contextlib
import fcntl
import logging
import os
import stat
from collections.abc import Iterator

from storage.errors import Unavailable, Unusable

Identity = tuple[int, int]
"""Device and inode."""

_descriptors: dict[Identity, int] = {}
_claimed: dict[str, Identity] = {}


def identity_of(path: str) -> Identity | None:
    """Return the identity of the file that a path leads to; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def check_file(path: str, label: str) -> None:
    """Raise Unavailable unless what a path leads to is a file that this user may read and write.

    Not by opening it: closing a file releases every POSIX lock that this process holds on it, SQLite's own included.
    """
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise Unavailable(f"{label} cannot be opened: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise Unavailable(f"{label} is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise Unavailable(f"{label} is not a file")
    if not os.access(path, os.R_OK | os.W_OK):
        raise Unavailable(f"{label} is a file that this user may not read and write")


@contextlib.contextmanager
def claimed(path: str, label: str, *, refusal: str) -> Iterator[None]:
    """Lock the file itself, whatever path leads to it, until the block ends; a missing file is created.

    Must be entered before this process opens the file with SQLite. Raises Unavailable with the refusal when the file is
    locked, and for a file that has several names.
    """
    descriptor = _descriptor_of(path, label)
    status = os.fstat(descriptor)
    identity = status.st_dev, status.st_ino
    if identity in _claimed.values():
        raise Unavailable(refusal)
    if status.st_nlink > 1:
        raise Unavailable(
            f"{label} has {status.st_nlink} names (hard links), but its write-ahead log is found under one only; "
            "remove the other names, or copy the file"
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Unavailable(refusal) from error
    except OSError as error:
        raise Unavailable(f"the folder of {label} does not support locks: {error.strerror}") from error
    _claimed[path] = identity
    try:
        yield
    finally:
        del _claimed[path]
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _descriptor_of(path: str, label: str) -> int:
    known = identity_of(path)
    if known in _descriptors:
        return _descriptors[known]
    if known is not None:
        check_file(path, label)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise Unavailable(f"{label} cannot be opened: {error.strerror}") from error
    status = os.fstat(descriptor)
    return _descriptors.setdefault((status.st_dev, status.st_ino), descriptor)


class FileWatch:
    """Notices that the file of a store's open connections was deleted or replaced: what is written to it then is lost."""

    def __init__(self, path: str, label: str) -> None:
        self._path, self._label = path, label
        self._identity: Identity | None = None
        self._is_logged = False

    def note(self) -> None:
        """Remember which file the first connection has opened, or this process has claimed; check later ones."""
        if self._identity is None:
            self._identity = _claimed.get(self._path) or identity_of(self._path)
        self.check()

    def check(self) -> None:
        """Raise Unusable if there is an open file, and the path does not lead to it; the first time, log it."""
        if self._identity is None or identity_of(self._path) == self._identity:
            self._is_logged = False
            return
        if not self._is_logged:
            self._is_logged = True
            logging.getLogger(__name__).error("the file of %s was deleted or replaced while it was open", self._label)
        raise Unusable("the database file was deleted or replaced while it was open")
