"""Counts of the calls of this process and how long they took, kept so that counting one costs a microsecond.

`server.process.metrics` counts with them, and presents them.
"""

import time
from bisect import bisect_left
from dataclasses import dataclass, field

# From a single read of SQLite to the longest time that a REST call may take.
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(slots=True)
class Durations:
    """How many calls took how long: a number per bucket, the last for those that took longer than all, and the sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    sum_seconds: float = 0.0
    created: float = field(default_factory=time.time)

    def cumulative(self) -> list[int]:
        """Return for each bucket, and for all, how many calls took no longer."""
        total, sums = 0, []
        for count in self.counts:
            total += count
            sums.append(total)
        return sums


@dataclass(slots=True)
class Tally:
    """How many calls ended with a code, beside how long those of the same method took."""

    durations: Durations
    count: int = 0
    created: float = field(default_factory=time.time)


class Tallies:
    """The tallies of a process: one per API, method, door and code that occurred, all of which are names of the program."""

    def __init__(self) -> None:
        self.by_code: dict[tuple[str, str, str, str], Tally] = {}
        self.durations: dict[tuple[str, str, str], Durations] = {}

    def count(self, api: str, method: str, door: str, code: str, seconds: float) -> None:
        """Count a call that ended. One thread does this; others may read."""
        tally = self.by_code.get((api, method, door, code))
        if tally is None:
            durations = self.durations.setdefault((api, method, door), Durations())
            tally = self.by_code[api, method, door, code] = Tally(durations)
        tally.count += 1
        durations = tally.durations
        durations.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
        durations.sum_seconds += seconds
