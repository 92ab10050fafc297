"""Structured logs: one line per call, and the events of the process. The dispatcher and the composition root write them.

Lines of calls are written together, BATCH_SECONDS later at most; a process that is killed loses these. All others are written
at once, after the lines of calls before them.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from server.process.log_lines import CallLines, Clock, json_line, text_line, trace_of
from server.process.log_stream import LogStream, standard_error

LOST_SECONDS = 1.0
"""How often the log says that clients, or connections to the database, were lost, at most."""

BATCH_SECONDS = 0.02
"""How long the line of a call waits for others: to write each by itself takes longer than to make it."""

BATCH_LINES = 64
"""How many lines of calls are written together, at most."""

Take = Callable[[str, str, Mapping[str, Any]], None]
"""Is given a line of the log: its level, its event and its fields."""


class Log:
    """The log of this process: warnings and errors as text on standard error, until `configure` says otherwise."""

    def __init__(self) -> None:
        self._stream: TextIO | LogStream | None = None
        self._level, self._is_text = logging.WARNING, True
        self._has_call_lines = (
            False  # as JSON to a stream, where there is a faster way to write them than `_write_line`
        )
        self._clock = Clock()
        self._call_lines = CallLines(self._clock)
        self._take: Take = self._write_line
        self._pending: list[str] = []
        self._lock = threading.Lock()  # libraries log from their threads, and lines of calls go before theirs

    def configure(self, stream: TextIO | LogStream, *, level: int, is_text: bool) -> None:
        """Write lines of this level and above to a stream, as text or as JSON."""
        self.flush()
        self._stream, self._level, self._is_text = stream, level, is_text
        self._has_call_lines = not is_text

    def debug(self, event: str, **fields: Any) -> None:
        """Write a line that helps to find a fault."""
        self._log(logging.DEBUG, "debug", event, fields)

    def info(self, event: str, **fields: Any) -> None:
        """Write a line about an event that is as it should be."""
        self._log(logging.INFO, "info", event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        """Write a line about something that operators may want to change."""
        self._log(logging.WARNING, "warning", event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: Any) -> None:
        """Write a line about a defect, or what could not be done, with the stack of `exc_info`."""
        if exc_info is not None:
            fields["exc_info"] = exc_info
        self._log(logging.ERROR, "error", event, fields)

    def call(self, api: str, method: str, door: str, peer: str, code: str, ms: float, more: Mapping[str, str]) -> None:
        """Write the line of a call that ended, together with others; `more` are fields that only some lines have.

        Only an event loop's thread may call this.
        """
        if self._level > logging.INFO:
            return
        if not self._has_call_lines:
            fields = {"api": api, "method": method, "door": door, "peer": peer, "code": code, "ms": ms, **more}
            self._take("info", "call", fields)
            return
        line = self._call_lines.line(api, method, door, peer, code, ms, more)
        with self._lock:
            self._pending.append(line)
            count = len(self._pending)
        if count >= BATCH_LINES:
            self.flush()
        elif count == 1:
            asyncio.get_running_loop().call_later(BATCH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the lines of calls that wait to be written. Any thread may call this."""
        with self._lock:
            lines, self._pending = self._pending, []
            if lines and self._stream is not None:
                self._stream.write("".join(lines))
                self._stream.flush()

    @contextlib.contextmanager
    def lines_passed_to(self, take: Take) -> Iterator[None]:
        """Pass lines to a function instead of writing them, also those below the level, until the block ends."""
        earlier = self._take, self._level, self._has_call_lines
        self._take, self._level, self._has_call_lines = take, logging.NOTSET, False
        try:
            yield
        finally:
            self._take, self._level, self._has_call_lines = earlier

    def take_record(self, record: logging.LogRecord) -> None:
        """Write a record of a library."""
        event = record.getMessage()
        fields: dict[str, Any] = {"event": event}
        if record.stack_info:
            fields["stack_info"] = record.stack_info
        fields["logger"] = record.name
        if record.exc_info and record.exc_info[1] is not None:
            fields["exc_info"] = record.exc_info[1]
        self._write_line(record.levelname.lower(), event, fields)

    def _log(self, number: int, level: str, event: str, fields: dict[str, Any]) -> None:
        if number >= self._level:
            self._take(level, event, fields)

    def _write_line(self, level: str, event: str, fields: Mapping[str, Any]) -> None:
        failure = fields.get("exc_info")
        line = {name: value for name, value in fields.items() if name != "exc_info"}
        # The process id distinguishes workers. It is read each time because workers are forked after this is set up.
        line |= {"event": event, "level": level, "timestamp": self._clock.text(), "pid": os.getpid()}
        if failure is not None:
            line["exception"] = trace_of(failure)
        self.flush()
        stream = sys.stderr if self._stream is None else self._stream
        stream.write(text_line(line, colours=stream.isatty()) if self._is_text else json_line(line))
        stream.flush()


log = Log()
"""The log of this process."""

# However the interpreter ends; those that leave with os._exit call it themselves.
atexit.register(log.flush)


def configure(*, level: str, format: str) -> None:
    """Set up logging to standard error: `format` json or text, `level` a standard level name."""
    number = logging.getLevelNamesMapping()[level.upper()]
    log.configure(standard_error(), level=number, is_text=format == "text")
    # The libraries' warnings and errors have the same format, which is the only one that readers of the log expect.
    handler = _LibraryHandler()
    handler.addFilter(_Lost())
    logging.basicConfig(level=max(logging.WARNING, number), handlers=[handler], force=True)


class _LibraryHandler(logging.Handler):
    """Writes the records of libraries to the log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        try:
            log.take_record(record)
        except Exception:  # noqa: BLE001 - as every handler: what cannot be logged must not fail who logs it
            self.handleError(record)


class _Lost(logging.Filter):
    """Makes one warning a second of what libraries log for each connection or call that somebody has left, with a trace."""

    def __init__(self) -> None:
        super().__init__()
        self._kinds = (
            _Kind(_is_of_client, "clients left before they had their answers: {} calls"),
            _Kind(_is_of_database, "connections to the database broke: {} of them"),
            _Kind(_is_of_nobody, "connections broke while nobody waited for them: {} of them"),
        )

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record through, changed if it is one of those, unless one was let through just now."""
        kind = next((kind for kind in self._kinds if kind.is_of(record)), None)
        return kind is None or kind.summarise(record)


def _is_of_client(record: logging.LogRecord) -> bool:
    error = record.exc_info[0] if record.exc_info else None
    return error is not None and error.__name__ == "ExecuteBatchError"  # of grpcio, which does not export it


def _is_of_database(record: logging.LogRecord) -> bool:
    # The pool logs errors of connections that it resets or closes, which were lost; why is for the store to say.
    return record.name.startswith("sqlalchemy.pool") and bool(record.exc_info)


def _is_of_nobody(record: logging.LogRecord) -> bool:
    # A driver's, of a connection that was given up before it broke.
    error = record.exc_info[0] if record.exc_info else None
    return record.name == "asyncio" and error is not None and issubclass(error, ConnectionError)


class _Kind:
    """Records of one kind, and the sentence for a number of them."""

    def __init__(self, is_of: Callable[[logging.LogRecord], bool], sentence: str) -> None:
        self.is_of, self._sentence = is_of, sentence
        self._number, self._said_at = 0, -LOST_SECONDS

    def summarise(self, record: logging.LogRecord) -> bool:
        """Turn a record into the sentence; return whether it is time to say it."""
        self._number += 1
        now = time.monotonic()
        if now - self._said_at < LOST_SECONDS:
            return False
        record.msg, record.args = self._sentence.format(self._number), ()
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.exc_info = record.exc_text = None
        self._number, self._said_at = 0, now
        return True
