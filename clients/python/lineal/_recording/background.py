"""Sends the spool files of other processes that are gone while this process records: of earlier ones, and of its own children."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from lineal._recording.caller import background, logger
from lineal._recording.sync import sync
from lineal.settings import Settings

SECONDS = 10.0
"""How often it is looked for such files."""


class BackgroundSync:
    """Looks for files of processes that are gone, again and again."""

    def __init__(self, settings: Settings, folders: Sequence[Path], stop: threading.Event) -> None:
        self._settings, self._folders, self._stop = settings, folders, stop
        self._one_at_a_time = threading.Lock()
        self._thread: threading.Thread | None = None
        self._tried_at = 0.0

    def start(self) -> None:
        """Begin to look for files."""
        self._thread = background(self._run, "sync")

    def try_once(self) -> None:
        """Look for files now, unless that was done a moment ago."""
        if time.monotonic() - self._tried_at > 2.0:
            self._once()

    def close(self, seconds: float) -> None:
        """Look for files for the last time if there are seconds left for it: children may have ended meanwhile."""
        if seconds > 0 and self._thread is not None:
            last = background(self._once, "last-sync")
            if last is None:
                self._once()
            else:
                last.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._once()
            self._stop.wait(SECONDS)

    def _once(self) -> None:
        with self._one_at_a_time:
            self._tried_at = time.monotonic()
            try:
                for report in sync(self._settings, self._folders, stop=self._stop):
                    if report.outcome == "sent":
                        logger.info("%s of a process that is gone was sent: %d calls", report.path, report.calls)
            except Exception:  # noqa: BLE001 - told; the next time it may be better
                logger.exception("spool files of other processes could not be sent")
