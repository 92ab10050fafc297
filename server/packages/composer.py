"""Events of a YAML parser → plain JSON values, with aliases and merge keys (`<<`) resolved. `documents` calls this.

PyYAML's own composers are not used because the texts are untrusted: they recurse, libyaml's binding even in C, where
deep nesting crashes the process, and they do not count what aliases expand to. Here, open collections are kept in a list,
and an alias is counted with the size of its value before the value is used again.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from server.packages.scalars import YAML_TAGS, scalar_value, tag_without_meaning
from server.packages.text_limits import DEPTH_MAX, Tally, UnreadableText, nested_too_deeply

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str) -> Iterator[Any]:
    """Yield the value of each document of a text in order, None for an empty document.

    Raises UnreadableText for values that JSON does not have and when a limit is exceeded, yaml.YAMLError for text that
    is not YAML.
    """
    composer = _Composer()
    for event in yaml.parse(text, Loader=_LOADER):
        step = _STEPS.get(type(event))
        if step is not None:
            step(composer, event)
        elif type(event) is yaml.DocumentEndEvent:
            yield composer.root


@dataclass(slots=True)
class _Node:
    """A complete value, and how much an alias for it adds to a document."""

    value: Any
    nodes: int  # the value itself, and every key and value in it, with aliases expanded
    characters: int  # in the texts of those nodes
    depth: int  # levels of collections: 0 for a scalar, 1 for a collection of scalars


class _OpenCollection(ABC):
    """A sequence or mapping whose end has not been read yet."""

    __slots__ = ("anchor", "characters_before", "depth", "nodes_before")

    def __init__(self, anchor: str | None, tally: Tally) -> None:
        self.anchor = anchor
        self.depth = 1
        self.nodes_before, self.characters_before = tally.nodes, tally.characters

    @abstractmethod
    def add(self, node: _Node, *, is_merge_key: bool) -> None:
        """Add the next node within the collection; `is_merge_key` says that it is a `<<`, in whatever position."""

    @abstractmethod
    def close(self) -> Any:
        """Return the complete value."""


class _OpenSequence(_OpenCollection):
    __slots__ = ("_items",)

    def __init__(self, anchor: str | None, tally: Tally) -> None:
        super().__init__(anchor, tally)
        self._items: list[Any] = []

    def add(self, node: _Node, *, is_merge_key: bool) -> None:
        self.depth = max(self.depth, node.depth + 1)
        self._items.append(node.value)

    def close(self) -> list[Any]:
        return self._items


class _OpenMapping(_OpenCollection):
    """Keys and values arrive in turn: `_key` is the key whose value is next, None when a key is next."""

    __slots__ = ("_entries", "_key", "_key_is_merge", "_merge_values")

    def __init__(self, anchor: str | None, tally: Tally) -> None:
        super().__init__(anchor, tally)
        self._entries: dict[str, Any] = {}
        self._key: str | None = None
        self._key_is_merge = False
        self._merge_values: list[Any] = []  # the value of <<, if there is one

    def add(self, node: _Node, *, is_merge_key: bool) -> None:
        self.depth = max(self.depth, node.depth + 1)
        if self._key is None:
            self._check_key(node.value, is_merge_key=is_merge_key)
            self._key, self._key_is_merge = node.value, is_merge_key
            return
        if self._key_is_merge:
            self._merge_values.append(node.value)
        else:
            self._entries[self._key] = node.value
        self._key = None

    def _check_key(self, key: Any, *, is_merge_key: bool) -> None:
        if not isinstance(key, str):
            raise UnreadableText("a mapping has a key that is not text")
        if key in self._entries or (is_merge_key and self._merge_values):
            raise UnreadableText(f"a mapping has the key {key[:128]!r} twice")

    def close(self) -> dict[str, Any]:
        # Merged at the end because a mapping's own keys take precedence, even those after the <<.
        for value in self._merge_values:
            for source in value if isinstance(value, list) else [value]:
                self._merge(source)
        return self._entries

    def _merge(self, source: Any) -> None:
        if not isinstance(source, dict):
            raise UnreadableText("the value of << must be a mapping or a list of mappings")
        for key, value in source.items():
            self._entries.setdefault(key, value)  # the first of several sources takes precedence


class _Composer:
    """The state between two events: the open collections, the values with anchors, the tally of the whole text."""

    def __init__(self) -> None:
        self.root: Any = None  # the value of the last complete document
        self._tally = Tally()
        self._open: list[_OpenCollection] = []  # the innermost is the last
        self._anchors: dict[str, _Node] = {}  # complete values of this document

    def start_document(self, event: yaml.DocumentStartEvent) -> None:
        self._anchors.clear()
        self._tally.add(1, 0)

    def add_scalar(self, event: yaml.ScalarEvent) -> None:
        characters = len(event.value)
        self._tally.add(1, characters)
        node = _Node(scalar_value(event), 1, characters, 0)
        if event.anchor:
            self._anchors[event.anchor] = node
        self._place(node, is_merge_key=_is_merge_key(event))

    def add_alias(self, event: yaml.AliasEvent) -> None:
        anchor = event.anchor or ""
        node = self._anchors.get(anchor)
        if node is None:
            raise UnreadableText(f"the alias *{anchor[:128]} refers to an anchor that does not exist")
        # The value is shared here, but written out in full when the document is converted to messages and text.
        self._tally.add(node.nodes, node.characters)
        self._check_depth(node.depth)
        self._place(node)

    def start_sequence(self, event: yaml.SequenceStartEvent) -> None:
        self._check_start(event, YAML_TAGS + "seq")
        self._open.append(_OpenSequence(event.anchor, self._tally))
        self._tally.add(1, 0)

    def start_mapping(self, event: yaml.MappingStartEvent) -> None:
        self._check_start(event, YAML_TAGS + "map")
        self._open.append(_OpenMapping(event.anchor, self._tally))
        self._tally.add(1, 0)

    def _check_start(self, event: yaml.CollectionStartEvent, own_tag: str) -> None:
        if event.tag not in (None, "!", own_tag):
            raise tag_without_meaning(event.tag)
        if event.anchor:
            # An alias within the collection would make it contain itself. The anchor hides an earlier one of the same name.
            self._anchors.pop(event.anchor, None)
        self._check_depth(1)

    def end_collection(self, event: yaml.CollectionEndEvent) -> None:
        collection = self._open.pop()
        node = _Node(
            collection.close(),
            self._tally.nodes - collection.nodes_before,
            self._tally.characters - collection.characters_before,
            collection.depth,
        )
        if collection.anchor:
            self._anchors[collection.anchor] = node
        self._place(node)

    def _check_depth(self, levels: int) -> None:
        if len(self._open) + levels > DEPTH_MAX:
            raise nested_too_deeply()

    def _place(self, node: _Node, *, is_merge_key: bool = False) -> None:
        """Add a complete value to the innermost open collection, or make it the root of the document."""
        if self._open:
            self._open[-1].add(node, is_merge_key=is_merge_key)
        else:
            self.root = node.value


# Functions, not methods bound to a composer: a composer that held those would be a cycle, which keeps a refused text alive.
_STEPS: dict[type, Callable[[_Composer, Any], None]] = {
    yaml.DocumentStartEvent: _Composer.start_document,
    yaml.ScalarEvent: _Composer.add_scalar,
    yaml.AliasEvent: _Composer.add_alias,
    yaml.SequenceStartEvent: _Composer.start_sequence,
    yaml.SequenceEndEvent: _Composer.end_collection,
    yaml.MappingStartEvent: _Composer.start_mapping,
    yaml.MappingEndEvent: _Composer.end_collection,
}


def _is_merge_key(event: yaml.ScalarEvent) -> bool:
    """Return whether a scalar is a plain `<<`: one that is quoted, tagged or reached through an alias is text."""
    return event.value == "<<" and event.tag is None and event.implicit[0]
