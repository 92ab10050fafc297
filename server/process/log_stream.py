"""Standard error as a stream that never blocks: if nobody reads it, lines are buffered, then lost and counted.

A write to a full pipe waits for its reader, and with it would wait the event loop and every call. The descriptor cannot
be made non-blocking, because other processes share it. Instead, each write first asks whether there is room.
"""

import contextlib
import os
import select
import sys
import threading
from collections import deque
from typing import TextIO

PENDING_BYTES = 1024 * 1024
"""How much of the log is kept for a reader that has stalled; lines beyond it are lost."""

_WITHOUT_BLOCKING = select.PIPE_BUF
"""A descriptor that is ready for writing takes this many bytes at once: POSIX says so of pipes, Linux also keeps it for sockets."""


class LogStream:
    """Writes whole lines to a descriptor, in pieces that it takes without blocking."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._pending = deque[bytes]()
        self._pending_bytes = self._lost_lines = 0
        self._lock = threading.Lock()  # libraries log from their threads

    def write(self, text: str) -> int:
        """Write lines, or keep them for later, or lose them."""
        data = text.encode(errors="backslashreplace")
        with self._lock:
            if not self._pending:
                data = data[self._write_piece(data) :]
            elif self._pending_bytes + len(data) > PENDING_BYTES:
                self._lost_lines += data.count(b"\n")
                data = b""
            if data:
                self._keep(data)
            self._write_pending()
        return len(text)

    def flush(self) -> None:
        """Write what is pending as far as it can be written without blocking."""
        with self._lock:
            self._write_pending()

    def isatty(self) -> bool:
        """Return whether the descriptor is a terminal."""
        return os.isatty(self._descriptor)

    def _keep(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_bytes += len(data)

    def _write_pending(self) -> None:
        pending = self._pending
        while pending:
            data = pending[0]
            size = self._write_piece(data)
            self._pending_bytes -= size
            if size < len(data):
                pending[0] = data[size:]
                if not size:
                    return
            else:
                pending.popleft()
        if self._lost_lines:
            line = f'{{"event": "log lines lost", "lines": {self._lost_lines}, "level": "warning", "pid": {os.getpid()}}}\n'
            self._lost_lines = 0
            self._keep(line.encode())
            self._write_pending()

    def _write_piece(self, data: bytes) -> int:
        """Write the beginning of the data that is taken at once, whole lines if it has any; return its size."""
        if not self._poll.poll(0):
            return 0
        if len(data) > _WITHOUT_BLOCKING:
            # Other processes write to the same descriptor, and their lines must not come between two pieces of one.
            data = data[: data.rfind(b"\n", 0, _WITHOUT_BLOCKING) + 1 or _WITHOUT_BLOCKING]
        try:
            return os.write(self._descriptor, data)
        except OSError:
            # The reader has closed its end, or the disk is full: the line is lost, and calls go on. It is not counted, since the
            # count would be written to the same place.
            return len(data)


def standard_error() -> TextIO | LogStream:
    """Return standard error without blocking, where it has a descriptor that can be polled."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
        return LogStream(sys.stderr.fileno())
    return sys.stderr
