"""The thread that sends what is in the files of a recording, as long as its process lives."""

import threading
from collections.abc import Callable

from lineal._recording.caller import Caller, Stopped, logger
from lineal._recording.chain import Chain, Reader
from lineal._recording.lines import Line, encoded
from lineal._recording.marks import Artifacts
from lineal._recording.options import Options
from lineal._recording.sender import Sender
from lineal._recording.spool import Full, Place


class SendLoop:
    """Sends batch after batch. `changed` is notified whenever one of the numbers here has changed."""

    def __init__(
        self,
        chain: Chain,
        caller: Caller,
        sender: Sender,
        artifacts: Artifacts,
        options: Options,
        before: Callable[[], None],
    ) -> None:
        self._chain, self._caller, self._sender, self._artifacts = chain, caller, sender, artifacts
        self._options, self._before = options, before
        self.changed = artifacts.changed
        self.acknowledged = 0
        """The last batch whose calls have all been answered."""
        self.complete = 0
        """The same, and of which all points of metrics have been sent."""
        self.stopped: str | None = None
        """Why nothing is sent any more."""
        self.is_reachable = threading.Event()
        self._wanted = 0
        self._ends = False
        self._reader: Reader | None = None
        self._place: Place | None = None

    def run(self) -> None:
        """Send until the recording is closed."""
        try:
            self._wait_for_something()
            self._caller.check_server()
            self._before()
            self.is_reachable.set()
            while not self._ends:
                self._step()
        except Stopped as stop:
            self.stop(str(stop))
        except Exception as error:  # noqa: BLE001 - told; what is recorded stays in the file
            logger.exception("what is recorded is not sent any more")
            self.stop(f"a defect of this program: {error}")

    def want(self, batch: int) -> None:
        """Ask for the points of metrics to be sent, too, up to a batch."""
        with self.changed:
            self._wanted = max(self._wanted, batch)
            self.changed.notify_all()

    def wake(self) -> None:
        """Say that something was written."""
        with self.changed:
            self.changed.notify_all()

    def end(self) -> None:
        """Let the thread end after the call that it is waiting for."""
        with self.changed:
            self._ends = True
            self.changed.notify_all()

    def stop(self, why: str) -> None:
        """Send nothing any more."""
        with self.changed:
            self.stopped = why
            self.changed.notify_all()

    def _wait_for_something(self) -> None:
        with self.changed:
            self.changed.wait_for(lambda: self._ends or self._chain.first is not None)

    def _step(self) -> None:
        if self._reader is None and not self._begin():
            self._wait(None)
            return
        assert self._reader is not None
        if entries := self._reader.next_batch():
            self._sender.send(entries)
            self._acknowledge(entries[0].batch)
        elif self._chain.has_next():
            # Written before the next file was begun: the reader may not have seen the end of this one.
            if entries := self._reader.next_batch():
                self._sender.send(entries)
                self._acknowledge(entries[0].batch)
            else:
                self._go_on()
        else:
            self._rest()

    def _begin(self) -> bool:
        self._place = self._chain.first
        if self._place is None:
            return False
        self._reader = Reader(self._place)
        self._sender.begin(self._place)
        return True

    def _go_on(self) -> None:
        """Begin with the next file. The series of metrics and ids that it needs are written to it first."""
        lines = [*filter(None, [self._artifacts.line()]), *self._sender.series.bases()]
        place = self._chain.second
        try:
            place.append(lines)
            has_all = True
        except (OSError, Full):
            has_all = False
        self._chain.file_bytes = max(self._chain.file_bytes, 8 * len(encoded(lines)))
        self._chain.retire(keep=not has_all)
        self._reader = None

    def _rest(self) -> None:
        """Send the series that are due, then wait for something to do."""
        series, seconds = self._sender.series, self._options.metric_seconds
        if self._wanted > self.complete:
            series.send_all()
        else:
            series.send_due(seconds)
        due = series.due_in(seconds)
        with self.changed:
            if due is None and self.complete != self.acknowledged:
                self.complete = self.acknowledged
                self.changed.notify_all()
        self._wait(due)

    def _wait(self, seconds: float | None) -> None:
        with self.changed:
            if not (self._ends or self._has_work()):
                self.changed.wait(seconds)

    def _has_work(self) -> bool:
        place = self._chain.first
        if place is None:
            return False
        if self._reader is None or self._chain.has_next() or self._wanted > self.complete:
            return True
        return self._reader.offset < place.size

    def _acknowledge(self, batch: int) -> None:
        line: Line = {"upto": batch}
        self._sender.mark(line)
        with self.changed:
            self.acknowledged = batch
            self.changed.notify_all()
