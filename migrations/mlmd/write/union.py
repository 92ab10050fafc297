"""The union of two versions of a JSON document: nothing of the stored one is lost, and the source's values win.

`merge` calls this for documents of which the source has lost something.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from storage.documents.plain import Plain, canonical_text, compact

Label = Callable[[Mapping[str, Any]], str]
"""Returns the label that identifies a stored entry of a list."""

NOTHING: tuple[Any, ...] = (None, "", [], {})
"""The values that stand for no value."""


def union(stored: str | None, source: str | None, *, levels: int, label: Label, is_sorted: bool) -> str | None:
    """Return the text of a document with the entries of both; a value of the source wins unless it is empty.

    So many `levels` of objects are united, and all below them is one value. Entries of lists are matched by their label;
    those that only the store has come first, so that histories stay in order. The union of the result with the same source is
    the result.
    """
    before, after = (json.loads(text) if text else None for text in (stored, source))
    both = _union(before, after, levels, label)
    # As texts, because Python takes true for 1.
    for plain, text in ((after, source), (before, stored)):
        if canonical_text(both) == canonical_text(plain):
            return text
    return compact(dict(sorted(both.items())) if is_sorted and isinstance(both, dict) else both)


def _union(stored: Any, source: Any, levels: int, label: Label) -> Plain:
    if levels and isinstance(stored, dict) and isinstance(source, dict):
        shared = {
            key: _union(value, source[key], levels - 1, label) if key in source else value
            for key, value in stored.items()
        }
        return shared | {key: value for key, value in source.items() if key not in stored}
    if levels and isinstance(stored, list) and isinstance(source, list):
        return _union_of_lists(stored, source, levels, label)
    if levels and isinstance(stored, dict | list) and stored and type(stored) is not type(source):
        return stored
    return stored if source in NOTHING and stored not in NOTHING else source  # type: ignore[no-any-return]


def _union_of_lists(stored: list[Any], source: list[Any], levels: int, label: Label) -> list[Plain]:
    """Return the entries that only the store has, then those of the source in its order, each united with its partner."""
    rest = list(stored)
    partners: dict[int, Any] = {}
    for place, entry in enumerate(source):
        if entry in rest:
            rest.remove(entry)
            partners[place] = entry
    # From the end, where an earlier union has put them.
    for place in reversed(range(len(source))):
        if place not in partners:
            wanted = _label(source[place], label)
            found = next((at for at in reversed(range(len(rest))) if _label(rest[at], label) == wanted), None)
            partners[place] = source[place] if found is None else rest.pop(found)
    return rest + [_union(partners[place], entry, levels, label) for place, entry in enumerate(source)]


def _label(entry: Any, label: Label) -> str | None:
    return label(entry) if isinstance(entry, dict) else None
