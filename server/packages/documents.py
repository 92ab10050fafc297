"""YAML and JSON text → plain JSON documents. `server.packages.package` calls this.

Text is read as Kubeflow Pipelines' API server reads it, whose world is JSON: only what JSON can hold is a value, so yes,
no, on and off, dates and times of day stay text, as do binary and other tags, which are refused. Documents come from
strangers: what aliases expand to is counted before anything is built from it, and nothing here recurses.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

NODES_MAX = 1_000_000
"""Keys, values and documents of one text at most, every alias counted as what it stands for."""

CHARACTERS_MAX = 64 * 1024 * 1024
"""Characters of the keys and values of one text at most, counted in the same way."""

DEPTH_MAX = 100
"""Levels of nesting at most: parsers of protobuf stop there too."""

DIRECTIVES_MAX = 100
"""Lines that start with % at most: libyaml compares each %TAG with all before it."""


class UnreadableText(ValueError):
    """The text is not made of JSON-like documents; the message says why, for the client."""


def read_documents(data: bytes) -> list[dict[str, Any]]:
    """Return the mappings that a text holds, in order; empty documents are left out.

    Raises UnreadableText for what is not YAML, another kind of document, duplicate keys, keys that are no text, values that
    JSON has not, and over any of the limits above.
    """
    text = _decoded(data)
    document = _json_mapping(text)
    return [document] if document is not None else _yaml_mappings(text)


def _decoded(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableText("the text is not UTF-8") from error


def _json_mapping(text: str) -> dict[str, Any] | None:
    """Return the object that the text is in JSON, None when it is none, or one that has to be counted in reading.

    YAML's parser would read most of JSON as well, but slower, and not characters escaped as two halves of a surrogate pair.
    """
    if not text.lstrip(" \t\r\n").startswith("{") or sum(map(text.count, ",:[{")) > NODES_MAX:
        return None
    try:
        document = json.loads(
            text,
            parse_int=_integer,
            parse_float=_decimal,
            parse_constant=_not_json,
            object_pairs_hook=_without_duplicates,
        )
    except json.JSONDecodeError:
        return None
    except RecursionError as error:
        raise UnreadableText(f"the text is nested more than {DEPTH_MAX} levels deep") from error
    return document if isinstance(document, dict) else None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise UnreadableText("a mapping has the same key twice")
    return mapping


def _not_json(text: str) -> Any:
    raise UnreadableText(f"{text} is not a number that JSON has")


def _yaml_mappings(text: str) -> list[dict[str, Any]]:
    if sum(1 for _ in re.finditer(r"^%|[\r\n\x85\u2028\u2029]%", text)) > DIRECTIVES_MAX:
        raise UnreadableText(f"the text has more than {DIRECTIVES_MAX} directives")
    documents = []
    try:
        for document in _Composer().documents(text):
            if document is not None and not isinstance(document, dict):
                raise UnreadableText("every document must be a mapping")
            if document is not None:
                documents.append(document)
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableText(f"the text is not YAML: {where}{error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise UnreadableText("the text is not YAML: it contains characters that YAML does not allow") from error
    return documents


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAGS = "tag:yaml.org,2002:"
_TAGGED_TYPES: dict[str, tuple[type, ...]] = {
    _TAGS + "null": (type(None),),
    _TAGS + "bool": (bool,),
    _TAGS + "int": (int,),
    _TAGS + "float": (int, float),
}


@dataclass(slots=True)
class _Node:
    """A finished value, and how large and how deep it is with its aliases expanded."""

    value: Any
    nodes: int
    characters: int
    depth: int


class _Open:
    """A list or mapping that is being read."""

    __slots__ = ("anchor", "characters", "depth", "key", "merged", "merges", "nodes", "value")

    def __init__(self, value: Any, anchor: str | None, composer: "_Composer") -> None:
        self.value, self.anchor = value, anchor
        self.nodes, self.characters = composer.nodes, composer.characters  # what was counted before it
        self.depth = 1
        self.key: str | None = None
        self.merges = False  # the key is <<
        self.merged: list[Any] = []


class _Composer:
    """Makes documents of the parser's events with a stack of its own, since libyaml's binding recurses in C."""

    def __init__(self) -> None:
        self.nodes = self.characters = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, _Node] = {}

    def documents(self, text: str) -> Iterator[Any]:
        """Yield the value of each document, None for an empty one. Raises UnreadableText and yaml.YAMLError."""
        root = None
        for event in yaml.parse(text, Loader=_LOADER):
            node = None
            if isinstance(event, yaml.ScalarEvent):
                node = self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                node = self._alias(event.anchor or "")
            elif isinstance(event, yaml.CollectionStartEvent):
                self._start(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                node = self._end()
            elif isinstance(event, yaml.DocumentStartEvent):
                self._anchors.clear()
                self._count(1, 0)
            elif isinstance(event, yaml.DocumentEndEvent):
                yield root
            if node is not None:
                if self._open:
                    self._put(node, merge=_is_merge(event))
                else:
                    root = node.value

    def _count(self, nodes: int, characters: int) -> None:
        self.nodes += nodes
        self.characters += characters
        if self.nodes > NODES_MAX:
            raise UnreadableText(f"the text has more than {NODES_MAX} keys and values")
        if self.characters > CHARACTERS_MAX:
            raise UnreadableText(f"the keys and values have more than {CHARACTERS_MAX} characters")

    def _check_depth(self, levels: int) -> None:
        if len(self._open) + levels > DEPTH_MAX:
            raise UnreadableText(f"the text is nested more than {DEPTH_MAX} levels deep")

    def _scalar(self, event: yaml.ScalarEvent) -> _Node:
        self._count(1, len(event.value))
        node = _Node(_value(event), 1, len(event.value), 0)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, anchor: str) -> _Node:
        node = self._anchors.get(anchor)
        if node is None:
            raise UnreadableText(f"the alias *{anchor[:128]} stands for nothing before it")
        self._count(node.nodes, node.characters)
        self._check_depth(node.depth)
        return node

    def _start(self, event: yaml.CollectionStartEvent) -> None:
        mapping = isinstance(event, yaml.MappingStartEvent)
        if event.tag not in (None, "!", _TAGS + ("map" if mapping else "seq")):
            raise _refused_tag(event.tag)
        if event.anchor:
            # Until it is complete an alias for it would make it hold itself, and what had the name before is hidden.
            self._anchors.pop(event.anchor, None)
        self._check_depth(1)
        self._open.append(_Open({} if mapping else [], event.anchor, self))
        self._count(1, 0)

    def _end(self) -> _Node:
        closed = self._open.pop()
        for merged in closed.merged:
            _merge(closed.value, merged)
        node = _Node(closed.value, self.nodes - closed.nodes, self.characters - closed.characters, depth=closed.depth)
        if closed.anchor:
            self._anchors[closed.anchor] = node
        return node

    def _put(self, node: _Node, *, merge: bool) -> None:
        """Put a finished value into the innermost open list or mapping; a mapping takes keys and values in turn."""
        into = self._open[-1]
        into.depth = max(into.depth, node.depth + 1)
        if isinstance(into.value, list):
            into.value.append(node.value)
        elif into.key is None:
            if not isinstance(node.value, str):
                raise UnreadableText("a mapping has a key that is no text")
            if node.value in into.value or (merge and into.merged):
                raise UnreadableText(f"a mapping has the key {node.value[:128]!r} twice")
            into.key, into.merges = node.value, merge
        elif into.merges:
            into.key, into.merged = None, [node.value]
        else:
            into.value[into.key] = node.value
            into.key = None


def _is_merge(event: yaml.Event) -> bool:
    return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.tag is None and event.implicit[0]


def _merge(mapping: dict[str, Any], merged: Any) -> None:
    """Add what `<<` names to a mapping; its own keys and earlier mappings win."""
    for source in merged if isinstance(merged, list) else [merged]:
        if not isinstance(source, dict):
            raise UnreadableText("<< must name a mapping or a list of mappings")
        for key, value in source.items():
            mapping.setdefault(key, value)


def _refused_tag(tag: str) -> UnreadableText:
    return UnreadableText(f"the tag {tag[:128]} has no meaning here")


_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NOT_FINITE = re.compile(r"[+-]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"[+-]?(0|[1-9][0-9]*)")
_BASED_INTEGER = re.compile(r"([+-]?)0(?:[xX]([0-9a-fA-F]+)|[bB]([01]+)|[oO]?([0-7]+))")
_DECIMAL = re.compile(r"[+-]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][+-]?[0-9]+)?")


def _value(event: yaml.ScalarEvent) -> Any:
    """Return what a scalar means: quoted ones and blocks are text, plain ones may be null, a boolean or a number."""
    text: str = event.value
    if event.tag is None:
        return _plain_value(text) if event.implicit[0] else text
    if event.tag in ("!", _TAGS + "str"):
        return text
    if event.tag not in _TAGGED_TYPES:
        raise _refused_tag(event.tag)
    value = _plain_value(text)
    if type(value) not in _TAGGED_TYPES[event.tag]:
        raise UnreadableText(f"{text[:128]!r} does not fit its tag {event.tag}")
    return value


def _plain_value(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _NOT_FINITE.fullmatch(text):
        _not_json(text)
    digits = text.replace("_", "")
    if _INTEGER.fullmatch(digits):
        return _integer(digits)
    if based := _BASED_INTEGER.fullmatch(digits):
        sign, hexadecimal, binary, octal = based.groups()
        number = int(sign + (hexadecimal or binary or octal), 16 if hexadecimal else 2 if binary else 8)
        return number if _fits(number) else text
    return _decimal(digits) if _DECIMAL.fullmatch(digits) else text


def _integer(digits: str) -> float:
    """Return an integer exactly when 64 bits hold it, otherwise its nearest double."""
    number = int(digits) if len(digits) <= len("-9223372036854775808") else None
    return number if number is not None and _fits(number) else _decimal(digits)


def _fits(number: int) -> bool:
    return -(2**63) <= number < 2**64


def _decimal(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        _not_json(digits[:128])
    return number
