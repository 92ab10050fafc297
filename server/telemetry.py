"""Structured logs: one line a call, and the events of the process. The pipeline and the composition root write them."""

import logging
import sys
from typing import Any

import structlog

log: Any = structlog.get_logger("lineal")


def configure(*, level: str, format: str) -> None:
    """Set up logging to standard error: `format` json or text, `level` a standard level name."""
    renderer: Any = structlog.processors.JSONRenderer()
    if format == "text":
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
