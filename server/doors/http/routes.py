"""Matches paths with google.api.http templates, as the gateway of KFP's API server does. The REST door calls this.

A path is split at its slashes before it is unescaped, so `%2F` is part of a segment, whereas `%3A` is the colon of a custom verb.
A literal segment takes precedence over `{field}`, and a custom verb (`:archive`) over an id that ends like one. A last segment
`{field=**}` matches the rest of a path, whatever it contains, if no other template matches.
"""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from server.doors.http.escapes import BadEscape, unescaped
from server.errors import InvalidArgument
from storage.record import record

ANY_VERB = "*"
"""Matches every verb for which a path has no target of its own."""

Target = TypeVar("Target")

_FIELD = re.compile(r"\{([A-Za-z_][\w.]*)\}")
_REST = re.compile(r"\{([A-Za-z_][\w.]*)=\*\*\}")
_DOTS = (".", "..")
_SPECIAL = frozenset("{}*")

# The first segment of a field, the one after its last (None: it takes the rest of the path), and its name.
_FieldPlace = tuple[int, int | None, str]


class BadTemplate(Exception):
    """A path template is malformed or a duplicate; the server must not start."""


@record
class Match(Generic[Target]):
    """The target of a path, and the values of its template's fields."""

    target: Target
    values: dict[str, str]


@record
class NoRoute:
    """No template matches the path."""


@record
class WrongVerb:
    """A template matches the path, but not for this verb; `verbs` are those that are accepted."""

    verbs: tuple[str, ...]


@record
class Redirect:
    """The path has empty or dot segments; `path` is the same without them, escaped as it was sent."""

    path: str


@dataclass(slots=True)
class _Node(Generic[Target]):
    literals: "dict[str, _Node[Target]]" = field(default_factory=dict)
    wildcard: "_Node[Target] | None" = None
    rest: "_Node[Target] | None" = None  # matches one or more segments; always a leaf
    # By custom verb ("" for none), then by HTTP verb; with the position of each field in the path.
    targets: "dict[str, dict[str, tuple[Target, tuple[_FieldPlace, ...]]]]" = field(default_factory=dict)


class _LeavesOf(Protocol):
    def __call__(self, node: _Node[Target], segments: list[str], position: int, /) -> Iterator[_Node[Target]]: ...


class Router(Generic[Target]):
    """The templates of a server, as a tree of their segments."""

    def __init__(self) -> None:
        self._root = _Node[Target]()
        self._custom: set[tuple[str, str]] = set()  # HTTP verb and custom verb

    def add(self, verb: str, template: str, target: Target) -> None:
        """Add a template; raises BadTemplate if it is malformed, or if the verb already has a target for it."""
        fields = _fields(template)
        path, _, custom = template.partition(":")
        node = self._root
        for segment in path[1:].split("/"):
            if not segment.startswith("{"):
                node = node.literals.get(segment) or node.literals.setdefault(segment, _Node())
            elif _REST.fullmatch(segment):
                node.rest = node = node.rest or _Node()
            else:
                node.wildcard = node = node.wildcard or _Node()
        targets = node.targets.setdefault(custom, {})
        if verb in targets:
            raise BadTemplate(f"{verb} {template} is served twice")
        targets[verb] = (target, fields)
        if custom:
            self._custom.add((verb, f":{custom}"))

    def match(self, verb: str, path: str) -> Match[Target] | NoRoute | WrongVerb | Redirect:
        """Return the target of an escaped path, or why it has none. Raises InvalidArgument for malformed escapes and UTF-8."""
        if not path.startswith("/"):
            return NoRoute()
        if ("//" in path or "/." in path) and (clean := _clean(path)) != path:
            return self._match_unclean(verb, path) or Redirect(clean)
        segments = _segments(path)
        if (verb, segments[-1]) in self._custom:  # a custom verb without an id in front
            return NoRoute()
        match = self._match(verb, segments, _leaves)
        return self._match(verb, segments, _rest_leaves) if isinstance(match, NoRoute) else match

    def _match_unclean(self, verb: str, path: str) -> Match[Target] | WrongVerb | None:
        """Return the match of a path with empty or dot segments, which only a `{field=**}` accepts."""
        with contextlib.suppress(
            InvalidArgument
        ):  # raised again for the path without these segments, after the redirect
            match = self._match(verb, _segments(path), _rest_leaves)
            return None if isinstance(match, NoRoute) else match
        return None

    def _match(self, verb: str, segments: list[str], leaves: "_LeavesOf") -> Match[Target] | NoRoute | WrongVerb:
        verbs: list[str] = []
        for custom, reading in _readings(segments):
            for node in leaves(self._root, reading, 0):
                targets = node.targets.get(custom)
                if targets is None:
                    continue
                verbs += targets
                entry = targets.get(verb) or targets.get(ANY_VERB)
                if entry:
                    target, fields = entry
                    return Match(target, {name: "/".join(reading[start:end]) for start, end, name in fields})
        return WrongVerb(tuple(dict.fromkeys(verbs))) if verbs else NoRoute()


def field_names(template: str) -> tuple[str, ...]:
    """Return the names of a template's fields; raises BadTemplate when it is malformed."""
    return tuple(name for _, _, name in _fields(template))


def _fields(template: str) -> "tuple[_FieldPlace, ...]":
    path, colon, _ = template.partition(":")
    if not path.startswith("/"):
        raise BadTemplate(f"{template} does not start with a slash")
    fields: list[_FieldPlace] = []
    segments = path[1:].split("/")
    for position, segment in enumerate(segments):
        if not set(segment) & _SPECIAL:
            continue
        match, rest = _FIELD.fullmatch(segment), _REST.fullmatch(segment)
        if match:
            fields.append((position, position + 1, match[1]))
        elif rest and position == len(segments) - 1 and not colon:
            fields.append((position, None, rest[1]))
        else:
            raise BadTemplate(f"{template} has the segment {segment}, which is neither a name nor a field")
    return tuple(fields)


def _readings(segments: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the interpretations of a path: with a custom verb at the end of its last segment, then without."""
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


def _rest_leaves(node: _Node[Target], segments: list[str], position: int) -> Iterator[_Node[Target]]:
    """Yield the nodes of a `{field=**}` that segments lead to: those after the most segments first, then earlier literals."""
    if position == len(segments):
        return
    segment = segments[position]
    literal = node.literals.get(segment)
    if literal:
        yield from _rest_leaves(literal, segments, position + 1)
    if node.wildcard and segment and segment not in _DOTS:
        yield from _rest_leaves(node.wildcard, segments, position + 1)
    if node.rest:
        yield node.rest


def _segments(path: str) -> list[str]:
    segments = path[1:].split("/")
    if path.isascii() and "%" not in path:
        return segments
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
