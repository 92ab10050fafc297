"""Takes changes from all threads, and writes them to the spool file in batches. It never waits for the network.

Nothing is sent that is not in the file: whatever happens to the process afterwards, it can be sent.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from lineal._recording.batch import Batch, KnownLinks
from lineal._recording.caller import background, logger
from lineal._recording.chain import Chain
from lineal._recording.counters import Tally
from lineal._recording.options import Options
from lineal._recording.refs import ArtifactRef

POINTS_MAX = 10_000
"""How many changes become one batch at most, points of metrics included."""

Change = tuple[Any, ...]
"""A method of Batch, and its arguments."""


class Writer:
    """Writes changes to the files of a chain. `put` and `put_point` may be called from any thread."""

    def __init__(
        self, chain: Chain, tally: Tally, options: Options, on_written: Callable[[], None], first: int
    ) -> None:
        self._chain, self._tally, self._options, self._on_written = chain, tally, options, on_written
        self._next_number = first
        self.refs = itertools.count(first)
        self._queue: deque[Change] = deque()
        self._links = KnownLinks()
        self._metrics: dict[str, dict[int, ArtifactRef]] = {}
        self.lock = threading.RLock()
        self._work, self._hurry = threading.Event(), threading.Event()
        self._taken = 0
        self._stopped = False
        self.written = 0
        """The number of the last batch in the file."""

    @property
    def next_number(self) -> int:
        """A number that is greater than those of all calls and artifacts."""
        return max(self._next_number, next(self.refs))

    def start(self) -> None:
        """Start the thread that writes."""
        background(self._run, "writer")

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped = True
        self._work.set()
        self._hurry.set()

    @property
    def recorded(self) -> int:
        """How many changes were recorded."""
        return self._taken + len(self._queue)

    def put(self, change: Change) -> None:
        """Take a change. Where the queue is full, writes it to the disk first."""
        queue = self._queue
        queue.append(change)
        if len(queue) >= self._options.batch_items:
            self._press()
        elif not self._work.is_set():
            self._work.set()

    def put_point(self, change: Change) -> None:
        """Take a point of a metric: there may be very many of them, and they are small."""
        queue = self._queue
        queue.append(change)
        if len(queue) >= self._options.queue_items // 4:
            self._press()
        elif not self._work.is_set():
            self._work.set()

    def write(self) -> None:
        """Write everything that was put before."""
        with self.lock:
            # Not until the queue is empty: other threads may fill it as fast as it is written.
            end = self.recorded
            while self._taken < end and self._queue:
                self._write_batch(self._take())
        self._on_written()

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number

    def _press(self) -> None:
        if len(self._queue) >= self._options.queue_items:
            self.write()
        elif not self._hurry.is_set():
            self._hurry.set()
            self._work.set()

    def _run(self) -> None:
        while not self._stopped:
            self._work.wait()
            self._hurry.wait(self._options.flush_seconds)
            self._work.clear()
            self._hurry.clear()
            try:
                self.write()
            except Exception:  # noqa: BLE001 - told; what comes later may be written
                logger.exception("changes could not be written")

    def _take(self) -> list[Change]:
        changes: list[Change] = []
        others = 0
        while self._queue and len(changes) < POINTS_MAX and others < self._options.batch_items:
            change = self._queue.popleft()
            others += change[0] is not Batch.add_point
            changes.append(change)
        return changes

    def _write_batch(self, changes: list[Change]) -> None:
        self._taken += len(changes)
        batch = Batch(self._taken, self._number, self._links, bulk_items=self._options.batch_items)
        for change in changes:
            if change[0] is Batch.add_point and not change[1].points:
                self._metrics.setdefault(change[1].task_id, {})[change[1].number] = change[1]
            change[0](batch, *change[1:])
        lines = [entry.line() for entry in batch.entries(self._ended)]
        self._tally.add(changes=batch.repeated_links)
        if not lines:
            return
        if self._chain.append(lines):
            self.written = self._taken
        else:
            self._tally.add(lost=len(changes) - batch.repeated_links)

    def _ended(self, task_id: str) -> Iterable[ArtifactRef]:
        return self._metrics.pop(task_id, {}).values()
