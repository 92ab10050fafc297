"""Structured logs: one line per call, and the events of the process. The dispatcher and the composition root write them."""

import logging
import os
import time
from collections.abc import Callable
from typing import Any

import structlog

from server.process.log_stream import standard_error

LOST_SECONDS = 1.0
"""How often the log says that clients, or connections to the database, were lost, at most."""

log: Any = structlog.get_logger("lineal")


def configure(*, level: str, format: str) -> None:
    """Set up logging to standard error: `format` json or text, `level` a standard level name."""
    stream: Any = standard_error()
    enrichers: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _process_id,
        structlog.processors.format_exc_info,
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    structlog.configure(
        processors=[*enrichers, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # One write per line, newline included: workers share standard error.
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    _take_in_libraries(stream, enrichers, renderer, level=level)


def _process_id(_logger: object, _method: str, event: Any) -> Any:
    """Add the process id, to distinguish workers. It is read each time because workers are forked after this is set up."""
    event["pid"] = os.getpid()
    return event


def _take_in_libraries(stream: Any, enrichers: list[Any], renderer: Any, *, level: str) -> None:
    """Write the libraries' warnings and errors in the same format, which is the only one that readers of the log expect."""
    handler = logging.StreamHandler(stream)
    handler.addFilter(_Lost())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *enrichers],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelName(level.upper())), handlers=[handler], force=True)


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
