"""The lines of a spool file: what each kind of line says, as text and back. Writers, senders and `lineal sync` share it.

The first line is the header. Then there are calls and points of metrics, in the order in which they are to be sent, and between them,
written later, marks of what has become of them. Each line is a JSON object with a key of its kind:

    {"call": 7, "name": "RunService.CreateTask", …}    to be sent
    {"points": 3, "first": 0, "steps": …, "times": …, "values": …}    logged for the metric artifact 3, from its point 0 on
    {"done": [7, 0, 1], "ids": […]}    the server has the items 0 to 1 of call 7; ids, where they are not those of its key
    {"split": [7, 0, 500]}    these items were refused together, and are sent as two halves
    {"refused": [7, 3, 1]}    this item was refused for good
    {"sent": 3, "count": 120}    the server has so many points of metric 3
    {"base": 3, "metadata": {…}, "sent": 120, "id": "…"}    the series of metric 3 as it was when this file was begun
    {"ids": {"3": "…"}, "none": [4]}    ids of artifacts of an earlier file; those that were refused
    {"upto": 12}    the server has all calls of the batches up to 12

Artifacts have numbers, because their ids are not known before the server has answered: it may have found an equal one.
"""

import base64
import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

VERSION = 1

SERIES = "series"
"""The name of a call that is none: the series of its artifacts are sent now, because their task ends."""

Line = dict[str, Any]

_ARRAYS = (("q", "steps"), ("d", "times"), ("d", "values"))
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Call:
    """A call to be sent. Those of one batch and level may be sent at once.

    `refs` are the numbers of the artifacts it makes, `carries` how many points of their series it has, `links` the numbers of
    the artifacts of its links, with their expected ids, by the position of the link; `changes` is how many changes it stands for.
    """

    number: int
    name: str
    key: str
    batch: int
    level: int
    request: bytes
    changes: int
    refs: tuple[int, ...] = ()
    carries: tuple[int, ...] = ()
    links: Mapping[int, tuple[int, str]] = field(default_factory=dict[int, tuple[int, str]])

    def line(self) -> Line:
        """Return the line."""
        line: Line = {
            "call": self.number,
            "name": self.name,
            "key": self.key,
            "batch": self.batch,
            "level": self.level,
            "changes": self.changes,
            "request": base64.b64encode(self.request).decode(),
        }
        if self.refs:
            line["refs"] = self.refs
        if any(self.carries):
            line["carries"] = self.carries
        if self.links:
            line["links"] = {str(position): link for position, link in self.links.items()}
        return line


@dataclass(frozen=True)
class Points:
    """Points that were logged for a metric; `first` is the number of the first one, counted from 0."""

    artifact: int
    first: int
    batch: int
    expected_id: str
    steps: "array[int]"
    times: "array[float]"
    values: "array[float]"

    def line(self) -> Line:
        """Return the line."""
        return {
            "points": self.artifact,
            "first": self.first,
            "batch": self.batch,
            "id": self.expected_id,
            "steps": _packed(self.steps),
            "times": _packed(self.times),
            "values": _packed(self.values),
        }


def encoded(lines: Sequence[Line]) -> bytes:
    """Return lines as bytes."""
    return "".join(_encode(line) + "\n" for line in lines).encode()


def decoded(data: bytes) -> Line | None:
    """Return a line, None if it is damaged."""
    try:
        line: object = json.loads(data)
    except ValueError:
        return None
    return cast(Line, line) if isinstance(line, dict) else None


def entry_of(line: Line) -> Call | Points | None:
    """Return what is to be sent; None for a mark. Raises ValueError for a line that cannot be understood."""
    try:
        if "call" in line:
            links: dict[str, Any] = line.get("links", {})
            return Call(
                number=int(line["call"]),
                name=str(line["name"]),
                key=str(line["key"]),
                batch=int(line["batch"]),
                level=int(line["level"]),
                changes=int(line["changes"]),
                request=base64.b64decode(line["request"], validate=True),
                refs=tuple(line.get("refs", ())),
                carries=tuple(line.get("carries", ())),
                links={int(position): (int(link[0]), str(link[1])) for position, link in links.items()},
            )
        if "points" in line:
            steps, times, values = (_unpacked(kind, line[name]) for kind, name in _ARRAYS)
            if not len(steps) == len(times) == len(values):
                raise ValueError("points are not whole")
            return Points(
                int(line["points"]), int(line["first"]), int(line["batch"]), str(line["id"]), steps, times, values
            )
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"a line that cannot be understood: {error!r}") from None
    return None


def _packed(numbers: "array[Any]") -> str:
    """Return numbers as text, of which there may be millions: eight bytes each, the least significant first, in base64."""
    if sys.byteorder == "big":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()


def _unpacked(kind: str, text: str) -> "array[Any]":
    numbers: array[Any] = array(kind)
    numbers.frombytes(base64.b64decode(text, validate=True))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
