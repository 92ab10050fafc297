"""Paths → targets, by google.api.http templates and as the gateway of KFP's API server reads paths. The REST door calls this.

The path is split at its slashes before anything is unescaped, so `%2F` belongs to a segment; `%3A` is a colon. A literal
segment takes precedence over `{field}`, and a custom verb (`:archive`) over an id that ends like one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from server.doors.http.escapes import BadEscape, unescaped
from server.errors import InvalidArgument

ANY_VERB = "*"
"""Matches the verbs for which a path has no target of its own."""

Target = TypeVar("Target")

_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")


class BadTemplate(Exception):
    """A path template is malformed or a duplicate; the server must not start."""


@dataclass(frozen=True, slots=True)
class Match(Generic[Target]):
    """The target of a path, and the texts of its template's fields."""

    target: Target
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No template matches the path."""


@dataclass(frozen=True, slots=True)
class WrongVerb:
    """A template matches the path, but not for this verb."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The path has empty or dot segments; `path` is the same without, escaped as it was sent."""

    path: str


@dataclass(slots=True)
class _Node(Generic[Target]):
    literals: "dict[str, _Node[Target]]" = field(default_factory=dict)
    wildcard: "_Node[Target] | None" = None
    # By custom verb ("" for none), then by HTTP verb; with the position and name of each field in the path.
    targets: "dict[str, dict[str, tuple[Target, tuple[tuple[int, str], ...]]]]" = field(default_factory=dict)


class Router(Generic[Target]):
    """All templates of a server, as a tree of their segments."""

    def __init__(self) -> None:
        self._root = _Node[Target]()
        self._custom: set[tuple[str, str]] = set()  # HTTP verb and custom verb

    def add(self, verb: str, template: str, target: Target) -> None:
        """Serve a template; raises BadTemplate when it is malformed, or already served for the verb."""
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
        """Return what an escaped path leads to. Raises InvalidArgument when an escape is malformed or not UTF-8."""
        if not path.startswith("/"):
            return NoRoute()
        if "//" in path or "/." in path:
            clean = _clean(path)
            if clean != path:
                return Redirect(clean)
        segments = path[1:].split("/")
        if not path.isascii() or "%" in path:
            segments = _unescaped(segments)
        if (verb, segments[-1]) in self._custom:  # a custom verb without its id
            return NoRoute()
        has_path = False
        for custom, reading in _readings(segments):
            for node in _leaves(self._root, reading, 0):
                targets = node.targets.get(custom)
                if targets is None:
                    continue
                has_path = True
                entry = targets.get(verb) or targets.get(ANY_VERB)
                if entry:
                    target, fields = entry
                    return Match(target, {name: reading[position] for position, name in fields})
        return WrongVerb() if has_path else NoRoute()


def field_names(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields; raises BadTemplate when it is malformed."""
    return tuple(name for _, name in _fields(template))


def _fields(template: str) -> tuple[tuple[int, str], ...]:
    path = template.partition(":")[0]
    if not path.startswith("/"):
        raise BadTemplate(f"{template} does not start with a slash")
    fields: list[tuple[int, str]] = []
    for position, segment in enumerate(path[1:].split("/")):
        match = _FIELD.fullmatch(segment)
        if match:
            fields.append((position, match[1]))
        elif set(segment) & set("{}*"):
            raise BadTemplate(f"{template} has the segment {segment}, which is neither a name nor a field")
    return tuple(fields)


def _readings(segments: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the ways to read a path: its last segment with a custom verb, then without."""
    head, colon, custom = segments[-1].rpartition(":")
    if colon and head and custom:
        yield custom, [*segments[:-1], head]
    yield "", segments


def _leaves(node: _Node[Target], segments: list[str], position: int) -> Iterator[_Node[Target]]:
    """Yield the nodes that segments lead to, those with earlier literals first."""
    if position == len(segments):
        yield node
        return
    literal = node.literals.get(segments[position])
    if literal:
        yield from _leaves(literal, segments, position + 1)
    if node.wildcard and segments[position]:
        yield from _leaves(node.wildcard, segments, position + 1)


def _unescaped(segments: list[str]) -> list[str]:
    try:
        return [unescaped(segment) for segment in segments]
    except BadEscape as error:
        raise InvalidArgument(f"the path {error}", reason="INVALID_PATH") from None


def _clean(path: str) -> str:
    """Return a path without empty segments, `.` and `..`; a trailing slash stays."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(segments) + ("/" if segments and path.endswith("/") else "")
