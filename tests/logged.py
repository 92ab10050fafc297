"""What the code under test writes to its log, in the process of the tests."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from server.process.telemetry import log


@contextlib.contextmanager
def logged_lines() -> Iterator[list[dict[str, Any]]]:
    """Yield a list that gets each line of the log, whatever its level, as its fields with `level` and `event`."""
    lines: list[dict[str, Any]] = []

    def take(level: str, event: str, fields: Mapping[str, Any]) -> None:
        lines.append({**fields, "event": event, "level": level})

    with log.lines_passed_to(take):
        yield lines
