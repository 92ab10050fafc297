"""Structured logs: one line per call, and the events of the process. The dispatcher and the composition root write them."""

import logging
import os
import time
from typing import Any

import structlog

from server.process.log_stream import standard_error

LOST_CLIENTS_SECONDS = 1.0
"""How often the log says that clients were lost, at most."""

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
    handler.addFilter(_LostClients())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *enrichers],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelName(level.upper())), handlers=[handler], force=True)


class _LostClients(logging.Filter):
    """Makes one warning a second of gRPC's errors about clients who left before they had their answers: a trace for each call."""

    def __init__(self) -> None:
        super().__init__()
        self._calls, self._said_at = 0, -LOST_CLIENTS_SECONDS

    def filter(self, record: logging.LogRecord) -> bool:
        """Let a record through, changed if it is one of those, unless one was let through just now."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is None or kind.__name__ != "ExecuteBatchError":  # of grpcio, which does not export it
            return True
        self._calls += 1
        now = time.monotonic()
        if now - self._said_at < LOST_CLIENTS_SECONDS:
            return False
        record.msg, record.args = f"clients left before they had their answers: {self._calls} calls", ()
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.exc_info = record.exc_text = None
        self._calls, self._said_at = 0, now
        return True
