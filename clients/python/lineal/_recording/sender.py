"""Sends what is in spool files, in order: of a recording that goes on, and of processes that are gone.

A call is marked in its file when the server has answered. One whose mark is missing is sent again, and that is harmless: its key says
which ids its rows have, and a row is made once. Bulk calls that are refused are halved until the item at fault is alone.
"""

import functools
import time
from collections.abc import Sequence
from typing import Any

from lineal import errors
from lineal._recording.batch import (
    CREATE_ARTIFACT,
    CREATE_ARTIFACTS,
    CREATE_LINKS,
    CREATE_RUN,
    CREATE_TASK,
    UPDATE_TASKS,
)
from lineal._recording.caller import TOO_LARGE, Caller, Taken
from lineal._recording.keys import id_of, part_key, seconds_of
from lineal._recording.lines import SERIES, Call, Line, Points
from lineal._recording.lookups import Lookups
from lineal._recording.marks import Artifacts, Marks, Part
from lineal._recording.parts import count_of, items_of, part_of, request_of, runs_of, subject_of
from lineal._recording.rejections import Rejections
from lineal._recording.series_sender import SeriesSender
from lineal._recording.spool import Place
from lineal._recording.workers import Workers

KEY_SECONDS = 23 * 3600.0
"""Calls that are older are looked up before they are sent: servers remember keys for a day."""

_AT_ONCE = frozenset((CREATE_RUN, CREATE_TASK, CREATE_ARTIFACT))
_MAKES_ARTIFACTS = frozenset((CREATE_ARTIFACT, CREATE_ARTIFACTS))


class Sender:
    """Sends entries of the file that is its `place`, and marks in it what is done. Used by one thread."""

    def __init__(
        self, caller: Caller, artifacts: Artifacts, rejections: Rejections, *, marks: Marks | None = None
    ) -> None:
        self._caller, self._artifacts, self._rejections = caller, artifacts, rejections
        self._marks = marks or Marks()
        self._workers = Workers()
        self._lookups = Lookups(caller)
        self.series = SeriesSender(caller, artifacts, rejections, self._workers, self.mark, self._marks.sent)
        self._place: Place | None = None
        self._refused_runs: set[str] = set()

    def begin(self, place: Place) -> None:
        """Go on with another file."""
        self._place = place
        self.series.file_name = place.name

    def send(self, entries: Sequence[Call | Points]) -> None:
        """Send entries in their order. Raises Stopped, and GaveUp; what is done by then is marked."""
        for group in grouped(entries):
            calls = [entry for entry in group if isinstance(entry, Call)]
            for entry in group:
                if isinstance(entry, Points):
                    self.series.add(entry)
            self._workers.run([functools.partial(self._send, call) for call in calls])

    def close(self) -> None:
        """Let the threads end."""
        self._workers.close()

    def _send(self, call: Call) -> None:
        if call.name == SERIES:
            self.series.send(call.refs, forget=True)
            self._done((call.number, 0, 1))
            return
        try:
            request = request_of(call)
        except ValueError as error:
            self._refuse(
                call, call.key, (call.number, 0, 1), 0, errors.InvalidArgument(str(error), reason="UNREADABLE")
            )
            return
        count = count_of(call.name, request)
        if self._refused_runs and runs_of(call.name, request) <= self._refused_runs:
            why = errors.FailedPrecondition("its run was refused", reason="RUN_REFUSED")
            for position in range(count):
                self._refuse(call, request, (call.number, position, 1), position, why)
        else:
            self._send_part(call, request, 0, count)

    def _send_part(self, call: Call, request: Any, first: int, count: int) -> None:
        part: Part = (call.number, first, count)
        if part in self._marks.done:
            self._note_created(call, first, count)
            return
        if part not in self._marks.split:
            try:
                ids = self._attempt(call, request, first, count)
            except errors.LinealError as error:
                if count == 1:
                    self._refuse(call, request, part, first, error)
                    return
                # Marked before the halves are sent: the whole may not be refused the next time, and would come twice.
                self.mark({"split": part})
            else:
                self._take(call, first, ids)
                self._done(part, self._found(call, first, ids))
                self._note_created(call, first, count)
                self._caller.tally.add(changes=_share(call, request, first, count))
                return
        half = count // 2
        self._send_part(call, request, first, half)
        self._send_part(call, request, first + half, count - half)

    def _attempt(self, call: Call, request: Any, first: int, count: int) -> list[str]:
        """Send a part, and return the ids of the artifacts that it makes. Raises LinealError if it is refused."""
        is_whole = count == count_of(call.name, request)
        key = call.key if is_whole else part_key(call.key, first, count)
        part = part_of(call.name, request, first, count)
        if call.links:
            self._fill_links(call, part, first, count)
        is_old = time.time() - seconds_of(call.key) > KEY_SECONDS
        try:
            if is_old and (ids := self._look_up(call, part, key)) is not None:
                self._caller.tally.add(found=1)
                return ids
            return self._answered(call, self._call(call.name, part, key))
        except Taken:
            self._caller.tally.add(found=1)
            if call.name not in _MAKES_ARTIFACTS:
                return []
            return self._lookups.artifacts(call.name, part, key)

    def _call(self, name: str, request: Any, key: str) -> Any:
        try:
            return self._caller.call(name, request, key)
        except errors.LinealError as error:
            if error.reason != TOO_LARGE or name not in (UPDATE_TASKS, CREATE_LINKS) or count_of(name, request) > 1:
                raise
            # Its effect is the same however often it is sent: it needs no key, under which the answer would be kept.
            return self._caller.call(name, request)

    def _look_up(self, call: Call, part: Any, key: str) -> list[str] | None:
        """Return the ids of an old call's artifacts if it was done before, None if it is to be sent."""
        if call.name in (CREATE_RUN, CREATE_TASK):
            return [] if self._lookups.exists(call.name, part, id_of(key)) else None
        if call.name in _MAKES_ARTIFACTS and self._lookups.any_artifact(part, key):
            return self._lookups.artifacts(call.name, part, key)
        if call.name == UPDATE_TASKS:
            self._lookups.keep_ends(part)
        return None

    def _answered(self, call: Call, answer: Any) -> list[str]:
        """Return the ids of artifacts in an answer. Raises AlreadyExists if a run or task has another id than expected."""
        if call.name == CREATE_ARTIFACT:
            return [answer.artifact_id]
        if call.name == CREATE_ARTIFACTS:
            return [artifact.artifact_id for artifact in answer.artifacts]
        if call.name in (CREATE_RUN, CREATE_TASK):
            id = answer.task_id if call.name == CREATE_TASK else answer.run_id
            if id != id_of(call.key):
                what = "a task with this name and scope_path" if call.name == CREATE_TASK else "the run"
                raise errors.AlreadyExists(f"{what} exists already, with the id {id}", reason="OTHER_ID")
        return []

    def _fill_links(self, call: Call, part: Any, first: int, count: int) -> None:
        for position, (number, expected) in call.links.items():
            if first <= position < first + count:
                part.artifact_tasks[position - first].artifact_id = self._artifacts.id_of(number, expected)

    def _take(self, call: Call, first: int, ids: list[str]) -> None:
        for position, id in enumerate(ids, first):
            self._artifacts.resolve(call.refs[position], id, expected=id_of(call.key, position))

    @staticmethod
    def _found(call: Call, first: int, ids: list[str]) -> dict[str, str]:
        pairs = enumerate(ids, first)
        return {str(call.refs[position]): id for position, id in pairs if id != id_of(call.key, position)}

    def _note_created(self, call: Call, first: int, count: int) -> None:
        for number, points in zip(call.refs[first : first + count], call.carries[first : first + count], strict=False):
            self.series.created(number, points)

    def _refuse(self, call: Call, request: Any, part: Part, position: int, error: errors.LinealError) -> None:
        numbers = call.refs[position : position + 1] if call.name in _MAKES_ARTIFACTS else ()
        for number in numbers:
            self._artifacts.refuse(number, error)
        item = request if isinstance(request, str) else items_of(call.name, request)[position]
        is_new = call.name in (CREATE_RUN, CREATE_TASK)
        if call.name == CREATE_RUN:
            self._refused_runs.add(id_of(call.key))
        subject = id_of(call.key) if is_new else "" if isinstance(item, str) else subject_of(call.name, item)
        changes = call.changes if isinstance(request, str) else _share(call, request, position, 1)
        file_name = self._place.name if self._place else ""
        self._rejections.add(call.name, subject, error, item=item, changes=changes, file_name=file_name)
        self.mark({"refused": part, "none": list(numbers)})

    def _done(self, part: Part, ids: dict[str, str] | None = None) -> None:
        self.mark({"done": part, "ids": ids} if ids else {"done": part})

    def mark(self, line: Line) -> None:
        """Write what has become of a call. Without it, the call is sent again one day, which is harmless."""
        if self._place is None:
            return
        try:
            self._caller.tally.add(spooled_bytes=self._place.append([line]))
        except Exception:  # noqa: BLE001 - the disk is full, or the file was closed as the process ends
            return


def grouped(entries: Sequence[Call | Points]) -> list[list[Call | Points]]:
    """Return entries in groups that may be sent at once."""
    groups: list[list[Call | Points]] = []
    last: object = None
    for entry in entries:
        is_call = isinstance(entry, Call) and entry.name in _AT_ONCE
        kind = (entry.batch, entry.level, entry.name) if isinstance(entry, Call) and is_call else None
        if kind is not None and kind == last:
            groups[-1].append(entry)
        else:
            groups.append([entry])
        last = kind
    return groups


def _share(call: Call, request: Any, first: int, count: int) -> int:
    """Return how many of a call's changes a part stands for; the first part has those that do not divide."""
    total = count_of(call.name, request)
    each = call.changes // total
    return each * count + (call.changes - each * total if first == 0 else 0)
