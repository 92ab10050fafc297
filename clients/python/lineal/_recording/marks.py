"""What is known of the calls of spool files beyond their own lines: which are done, and the ids of artifacts."""

import os
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterable

from lineal import errors
from lineal._recording.lines import Line
from lineal._recording.refs import ArtifactRef

Part = tuple[int, int, int]
"""The number of a call, its first item, and how many items from there on."""

IDS_MAX = 100_000
"""How many ids are kept that are not those of their keys: artifacts that were found, not made."""


class Artifacts:
    """The artifacts of a recording by number: which ids they have, and who waits for them. Safe to use from several threads.

    An artifact has its expected id, unless another one was found, or it was refused; only that is kept.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._refs: weakref.WeakValueDictionary[int, ArtifactRef] = weakref.WeakValueDictionary()
        self._ids: OrderedDict[int, str] = OrderedDict()
        self._refused: OrderedDict[int, errors.LinealError] = OrderedDict()

    def add(self, ref: ArtifactRef) -> None:
        """Remember who waits for an artifact."""
        with self.changed:
            self._refs[ref.number] = ref

    def resolve(self, number: int, id: str, *, expected: str) -> None:
        """Set the id of an artifact."""
        with self.changed:
            if id != expected:
                self._ids[number] = id
                if len(self._ids) > IDS_MAX:
                    self._ids.popitem(last=False)
            if ref := self._refs.get(number):
                ref.known_id = id
                self.changed.notify_all()

    def refuse(self, number: int, error: errors.LinealError) -> None:
        """Set why an artifact was refused."""
        with self.changed:
            self._refused[number] = error
            if len(self._refused) > IDS_MAX:
                self._refused.popitem(last=False)
            if ref := self._refs.get(number):
                ref.error = error
                self.changed.notify_all()

    def id_of(self, number: int, expected: str) -> str:
        """Return the id of an artifact that the server has. Raises LinealError if it was refused."""
        if (error := self._refused.get(number)) is not None:
            raise errors.FailedPrecondition(f"its artifact was refused: {error.message}", reason="ARTIFACT_REFUSED")
        return self._ids.get(number, expected)

    def line(self) -> Line | None:
        """Return the line with what is kept, for the next file; None if there is nothing."""
        with self.changed:
            ids = {str(number): id for number, id in self._ids.items()}
            return {"ids": ids, "none": list(self._refused)} if ids or self._refused else None

    def read(self, line: Line) -> None:
        """Take what such a line says."""
        for number, id in line.get("ids", {}).items():
            self.resolve(int(number), str(id), expected="")
        for number in line.get("none", ()):
            self.refuse(int(number), errors.FailedPrecondition("it was refused before", reason="ARTIFACT_REFUSED"))

    def copy(self) -> "Artifacts":
        """Return the same artifacts for a forked process. Takes no lock: another thread may have held it when the process was forked."""
        other = Artifacts()
        other._ids, other._refused = self._ids.copy(), self._refused.copy()
        other._refs = weakref.WeakValueDictionary(dict(self._refs.items()))
        return other

    def resolve_all(self) -> None:
        """Set the ids of the artifacts that another process has recorded before a fork: the server has all of them."""
        with self.changed:
            for number, ref in list(self._refs.items()):
                if ref.process_id == os.getpid():
                    continue
                if number in self._refused:
                    ref.error = self._refused[number]
                elif ref.known_id is None and ref.expected_id:
                    ref.known_id = self._ids.get(number, ref.expected_id)
            self.changed.notify_all()


class Marks:
    """What the marks of a file say."""

    def __init__(self) -> None:
        self.done: set[Part] = set()
        self.split: set[Part] = set()
        self.upto = 0
        self.bases: list[Line] = []
        self.sent: dict[int, int] = {}
        self.damaged = 0

    def read(self, lines: Iterable[Line | None], artifacts: Artifacts) -> None:
        """Read all marks."""
        for line in lines:
            try:
                self._read(line, artifacts)
            except (TypeError, ValueError, KeyError, AttributeError):
                self.damaged += 1

    def _read(self, line: Line | None, artifacts: Artifacts) -> None:
        if line is None:
            self.damaged += 1
        elif "call" in line or "points" in line:
            return
        elif "base" in line:
            self.bases.append(line)
        elif "sent" in line:
            self.sent[int(line["sent"])] = int(line["count"])
        elif "split" in line:
            self.split.add(_part(line["split"]))
        elif "upto" in line:
            self.upto = max(self.upto, int(line["upto"]))
        else:
            if "done" in line or "refused" in line:
                self.done.add(_part(line.get("done") or line["refused"]))
            artifacts.read(line)


def _part(values: Iterable[int]) -> Part:
    number, first, count = values
    return int(number), int(first), int(count)
