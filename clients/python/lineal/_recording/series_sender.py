"""Sends the series of metrics: whole, from time to time, and never a shorter one in the place of a longer one."""

import functools
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from lineal import errors
from lineal._calls import BY_NAME
from lineal._recording.caller import Caller, Taken
from lineal._recording.keys import new_key
from lineal._recording.lines import Line, Points
from lineal._recording.marks import Artifacts
from lineal._recording.metrics import write_points
from lineal._recording.rejections import Rejections
from lineal._recording.workers import Workers
from lineal.series import Series

UPDATE_ARTIFACT = "MetricService.UpdateArtifact"
SHORTER = "SHORTER_SERIES"


@dataclass
class _State:
    """The series of one metric. Of one whose first points are not at hand any more, `tail` has those from number `first` on."""

    series: Series | None
    expected_id: str
    first: int = 0
    tail: list[Points] = field(default_factory=list[Points])
    sent: int = 0
    sent_at: float = 0.0

    @property
    def count(self) -> int:
        """How many points were logged."""
        if self.series is not None:
            return self.series.count
        return self.tail[-1].first + len(self.tail[-1].steps) if self.tail else self.first


class SeriesSender:
    """Keeps the series of metrics that are being logged. Used by one thread at a time."""

    def __init__(
        self,
        caller: Caller,
        artifacts: Artifacts,
        rejections: Rejections,
        workers: Workers,
        mark: Callable[[Line], None],
        sent: Mapping[int, int],
    ) -> None:
        """`sent` says how many points of metrics were sent by a process that is gone."""
        self._sent_before = sent
        self._caller, self._artifacts, self._rejections, self._workers = caller, artifacts, rejections, workers
        self._mark = mark
        self._states: dict[int, _State] = {}
        self._lock = threading.Lock()
        self.file_name = ""

    def add(self, points: Points) -> None:
        """Take points that were logged. Those that are known already are left out."""
        state = self._states.get(points.artifact)
        if state is None:
            state = _State(Series() if points.first == 0 else None, points.expected_id, points.first)
            state.sent = self._sent_before.get(points.artifact, points.first)
            state.sent_at = time.monotonic()
            self._states[points.artifact] = state
        if state.series is not None:
            _extend(state.series, points)
        elif points.first >= state.count:
            state.tail.append(points)

    def created(self, number: int, count: int) -> None:
        """Take note that a metric was created with so many points."""
        if state := self._states.get(number):
            self._sent(state, count)

    def due_in(self, seconds: float) -> float | None:
        """Return after how many seconds a series is due that is sent every so many seconds; None if all are sent."""
        times = [state.sent_at for state in self._states.values() if state.count > state.sent]
        return max(0.0, min(times) + seconds - time.monotonic()) if times else None

    def send_due(self, seconds: float) -> None:
        """Send the series that have new points, and were not sent for so many seconds."""
        now = time.monotonic()
        self.send([number for number, state in self._states.items() if state.sent_at + seconds <= now])

    def send(self, numbers: Iterable[int], *, forget: bool = False) -> None:
        """Send those of these series that have new points; forget them then, if they are complete."""
        numbers = list(numbers)
        unsent = [number for number in numbers if self._has_news(number)]
        self._workers.run([functools.partial(self._send, number) for number in unsent])
        if forget:
            for number in numbers:
                self._states.pop(number, None)

    def send_all(self) -> None:
        """Send all series that have new points."""
        self.send(list(self._states))

    def bases(self) -> list[Line]:
        """Return the lines from which the series can be continued in another file."""
        return [
            {"base": number, "metadata": state.series.metadata(), "sent": state.sent, "id": state.expected_id}
            for number, state in self._states.items()
            if state.series is not None
        ]

    def take_base(self, line: Line) -> None:
        """Take such a line. Raises ValueError if it cannot be understood."""
        number = int(line["base"])
        state = _State(Series.from_metadata(line["metadata"]), str(line["id"]), sent=int(line["sent"]))
        if number not in self._states or self._states[number].count < state.count:
            self._states[number] = state

    def _has_news(self, number: int) -> bool:
        state = self._states.get(number)
        return state is not None and state.count > state.sent

    def _send(self, number: int) -> None:
        state = self._states[number]
        try:
            id = self._artifacts.id_of(number, state.expected_id)
            self._update(id, state)
        except errors.LinealError as error:
            if error.reason != SHORTER:
                self._refuse(number, state, error)
                return
        except Taken:
            pass
        self._sent(state, state.count)
        self._mark({"sent": number, "count": state.count})

    def _sent(self, state: _State, count: int) -> None:
        with self._lock:
            news = max(0, count - state.sent)
            state.sent, state.sent_at = max(state.sent, count), time.monotonic()
        self._caller.tally.add(changes=news)

    def _update(self, id: str, state: _State) -> None:
        if state.series is None:
            state.series = self._restored(id, state)
        request: Any = BY_NAME[UPDATE_ARTIFACT].request()
        request.artifact_id = id
        write_points(request.metadata.fields["series"], state.series)
        request.metadata.fields["points"].number_value = state.series.count
        if state.series.last_finite is not None:
            request.number_value = state.series.last_finite
        self._caller.call(UPDATE_ARTIFACT, request, new_key())

    def _restored(self, id: str, state: _State) -> Series:
        """Return a series whose first points only the server has, with those that came later."""
        request: Any = BY_NAME["ArtifactService.GetArtifact"].request(artifact_id=id)
        artifact = self._caller.call("ArtifactService.GetArtifact", request)
        metadata = {name: json_format.MessageToDict(value) for name, value in artifact.metadata.items()}
        try:
            series = Series.from_metadata(metadata)
        except ValueError as error:
            raise errors.FailedPrecondition(str(error), reason="NOT_A_SERIES") from None
        for points in state.tail:
            _extend(series, points)
        state.tail = []
        return series

    def _refuse(self, number: int, state: _State, error: errors.LinealError) -> None:
        item = {"points": state.count, "id": state.expected_id}
        changes = max(0, state.count - state.sent)
        self._rejections.add(
            UPDATE_ARTIFACT, state.expected_id, error, item=item, changes=changes, file_name=self.file_name
        )
        with self._lock:
            self._states[number] = _State(None, state.expected_id, state.count, sent=state.count)
        self._mark({"sent": number, "count": state.count})


def _extend(series: Series, points: Points) -> None:
    """Add points to a series, without those that it has."""
    known = max(0, series.count - points.first)
    series.extend(points.steps[known:], points.times[known:], points.values[known:])
