"""The checked-in document, and ways to look into it. Tests call this."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "api" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())
SCHEMAS: dict[str, dict[str, Any]] = DOCUMENT["components"]["schemas"]


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield verb, path and operation."""
    for path, verbs in DOCUMENT["paths"].items():
        for verb, operation in verbs.items():
            yield verb.upper(), path, operation


def parts(plain: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of the document, or of a part of it."""
    if isinstance(plain, dict):
        yield plain
        for inner in plain.values():
            yield from parts(inner)
    elif isinstance(plain, list):
        for inner in plain:
            yield from parts(inner)


def referred_to(plain: Any) -> set[str]:
    """Return what a part refers to."""
    return {part["$ref"] for part in parts(plain) if isinstance(part.get("$ref"), str)}
