"""Paths → targets, as google.api.http templates and the reference's gateway have it. The REST door calls this.

The path is cut at its slashes as it was sent, and each segment is unescaped for itself: `%2F` belongs to a segment, `%3A`
is a colon. A literal segment goes before `{field}`; a custom verb (`:archive`) goes before an id that ends like one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.doors.http.escapes import BadEscape, unescaped
from server.errors import InvalidArgument

ANY_VERB = "*"
"""Stands for every verb that a path has no target of its own for."""

Target = TypeVar("Target")

_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")


class BadTemplate(Exception):
    """A path template cannot be served; the server must not start."""


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """What a path leads to, and the texts of its template's fields."""

    target: Target
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Nothing has the path."""


@dataclass(frozen=True, slots=True)
class WrongVerb:
    """Something has the path, but not for this verb."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The path is not clean; `path` is, escaped as it was sent."""

    path: str


@dataclass(slots=True)
class _Node(Generic[Target]):
    literals: "dict[str, _Node[Target]]" = field(default_factory=dict)
    wildcard: "_Node[Target] | None" = None
    # By custom verb ("" for none), then by HTTP verb; with the place and name of each field in the path.
    targets: "dict[str, dict[str, tuple[Target, tuple[tuple[int, str], ...]]]]" = field(default_factory=dict)


class Router(Generic[Target]):
    """Knows all templates of a server."""

    def __init__(self) -> None:
        self._root = _Node[Target]()
        self._custom: set[tuple[str, str]] = set()  # HTTP verb and custom verb

    def add(self, verb: str, template: str, target: Target) -> None:
        """Serve a template; raises BadTemplate when it is malformed, or served for the verb already."""
        fields = _fields(template)
        path, _, custom = template.partition(":")
        node = self._root
        for segment in path[1:].split("/"):
            if segment.startswith("{"):
                node.wildcard = node = node.wildcard or _Node()
            else:
                node = node.literals.setdefault(segment, _Node())
        targets = node.targets.setdefault(custom, {})
        if verb in targets:
            raise BadTemplate(f"{verb} {template} is served twice")
        targets[verb] = (target, fields)
        if custom:
            self._custom.add((verb, f":{custom}"))

    def match(self, verb: str, path: str) -> Match[Target] | NoRoute | WrongVerb | Redirect:
        """Return what an escaped path leads to. Raises InvalidArgument for escapes that are none or no UTF-8."""
        if not path.startswith("/"):
            return NoRoute()
        if "//" in path or "/." in path:
            clean = _clean(path)
            if clean != path:
                return Redirect(clean)
        segments = path[1:].split("/")
        if not path.isascii() or "%" in path:
            segments = _unescaped(segments)
        if (verb, segments[-1]) in self._custom:  # a custom verb without the id it is for
            return NoRoute()
        is_known = False
        for custom, choice in _readings(segments):
            for node in _leaves(self._root, choice, 0):
                targets = node.targets.get(custom)
                if targets is None:
                    continue
                is_known = True
                found = targets.get(verb) or targets.get(ANY_VERB)
                if found:
                    target, fields = found
                    return Match(target, {name: choice[place] for place, name in fields})
        return WrongVerb() if is_known else NoRoute()


def field_names(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields; raises BadTemplate when it is malformed."""
    return tuple(name for _, name in _fields(template))


def _fields(template: str) -> tuple[tuple[int, str], ...]:
    path = template.partition(":")[0]
    if not path.startswith("/"):
        raise BadTemplate(f"{template} does not start with a slash")
    fields: list[tuple[int, str]] = []
    for place, segment in enumerate(path[1:].split("/")):
        match = _FIELD.fullmatch(segment)
        if match:
            fields.append((place, match[1]))
        elif set(segment) & set("{}*"):
            raise BadTemplate(f"{template} has the segment {segment}, which is neither a name nor a field")
    return tuple(fields)


def _readings(segments: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to read a path: its last segment with a custom verb, then without."""
    head, colon, custom = segments[-1].rpartition(":")
    if colon and head and custom:
        yield custom, [*segments[:-1], head]
    yield "", segments


def _leaves(node: _Node[Target], segments: list[str], place: int) -> Iterator[_Node[Target]]:
    """Yield the nodes that segments lead to, those with earlier literals first."""
    if place == len(segments):
        yield node
        return
    literal = node.literals.get(segments[place])
    if literal:
        yield from _leaves(literal, segments, place + 1)
    if node.wildcard and segments[place]:
        yield from _leaves(node.wildcard, segments, place + 1)


def _unescaped(segments: list[str]) -> list[str]:
    try:
        return [unescaped(segment) for segment in segments]
    except BadEscape as error:
        raise InvalidArgument(f"the path {error}", reason="INVALID_PATH") from None


def _clean(path: str) -> str:
    """Return a path without empty segments, `.` and `..`; a slash at its end stays."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept) + ("/" if kept and path.endswith("/") else "")
