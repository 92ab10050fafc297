"""What nodes of lineal.v1 are called on pages: by their names, else by what they are; never by an id."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from server.ui.nodes import kind_of

HIDDEN = "hidden"

_WORDS: Mapping[str, tuple[str, str]] = {
    "Model": ("model", "models"),
    "Dataset": ("dataset", "datasets"),
    "HTML": ("HTML page", "HTML pages"),
    "Markdown": ("Markdown page", "Markdown pages"),
    "Metric": ("metric", "metrics"),
    "ClassificationMetric": ("classification metric", "classification metrics"),
    "SlicedClassificationMetric": ("sliced classification metric", "sliced classification metrics"),
}
_ARTIFACT = ("artifact", "artifacts")
_TASKS: Mapping[str, str] = {"IMPORTER": "importer", "RUNTIME": "task", "TASK_TYPE_UNSPECIFIED": "task"}


def is_hidden(node: Any) -> bool:
    """Return whether the visitor may not see a node."""
    return bool(node.type == HIDDEN)


def kind_word(node: Any) -> str:
    """Return what a node is: "model", "importer", "run"."""
    kind = kind_of(node.ref)
    if kind == "task":
        return _TASKS.get(node.type, "group")
    return _WORDS.get(node.type, _ARTIFACT)[0] if kind == "artifact" else kind


def name_of(node: Any, label: str = "") -> str:
    """Return the name of a node, of one without a name the label, else that it has none."""
    if is_hidden(node):
        return f"a hidden {kind_of(node.ref)}"
    return str(node.name or label or f"{kind_word(node)} without a name")


def counted(nodes: Iterable[Any]) -> str:
    """Return how many artifacts of each type there are: "2 datasets and 1 model"; "" for none."""
    counts = Counter("" if is_hidden(node) else node.type for node in nodes)
    parts = []
    for type in sorted(counts, key=lambda each: (list(_WORDS).index(each) if each in _WORDS else len(_WORDS), each)):
        one, many = ("hidden artifact", "hidden artifacts") if not type else _WORDS.get(type, _ARTIFACT)
        parts.append(f"{counts[type]} {one if counts[type] == 1 else many}")
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1]))) if parts else ""


def capitalized(text: str) -> str:
    """Return a text that begins a sentence or a cell: only its first letter changes."""
    return text[:1].upper() + text[1:]
