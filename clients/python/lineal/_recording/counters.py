"""What a recording has done so far, in numbers."""

import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Counters:
    """A snapshot of the numbers of one recording."""

    changes: int = 0
    """Changes that were recorded: each run, task, update, artifact, link and point of a metric is one."""

    calls: int = 0
    """Calls that the server has answered with success."""

    calls_saved: int = 0
    """Calls that one call per change would have needed in addition, for the changes that were sent."""

    retries: int = 0
    """How often a call was sent again because the server could not be reached, or asked for it."""

    spooled_bytes: int = 0
    """Bytes that were written to spool files."""

    rejected: int = 0
    """Changes that the server refused for good; `rejected()` says which."""

    lost: int = 0
    """Changes that could be kept nowhere: no disk took them, and memory was full."""

    waiting: int = 0
    """Changes that the server does not have yet. They are in the queue or in the spool file."""


@dataclass(frozen=True)
class Rejection:
    """Something that the server refused for good: the call, the ids that it was about, and the server's words."""

    call: str
    subject: str
    message: str
    code: str
    reason: str


class Tally:
    """The counters while they are counted. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        names = ("calls", "changes", "found", "lost", "rejected", "retries", "spooled_bytes")
        self._counts: dict[str, int] = dict.fromkeys(names, 0)

    def add(self, **counts: int) -> None:
        """Count: calls answered, changes that the server has, those found there, lost, rejected, retries, spooled_bytes."""
        with self._lock:
            for name, count in counts.items():
                self._counts[name] += count

    def __getitem__(self, name: str) -> int:
        """Return a number."""
        return self._counts[name]

    def counters(self, recorded: int) -> Counters:
        """Return a snapshot, of so many changes that were recorded."""
        with self._lock:
            counts = dict(self._counts)
        sent = counts["changes"]
        return Counters(
            changes=recorded,
            calls=counts["calls"],
            calls_saved=max(0, sent - counts["calls"]),
            retries=counts["retries"],
            spooled_bytes=counts["spooled_bytes"],
            rejected=counts["rejected"],
            lost=counts["lost"],
            waiting=max(0, recorded - sent - counts["rejected"] - counts["lost"]),
        )
