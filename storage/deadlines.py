"""How long the current call may still take. The server sets it once per call; the store limits its retries by it."""

import time
from contextvars import ContextVar

deadline_at: ContextVar[float | None] = ContextVar("deadline_at", default=None)
"""Monotonic time (`time.monotonic()`, seconds) at which the caller stops waiting; None when it has no deadline."""


def remaining_seconds(otherwise: float) -> float:
    """Return the seconds until the caller stops waiting, at most `otherwise`."""
    end = deadline_at.get()
    return otherwise if end is None else min(otherwise, end - time.monotonic())
