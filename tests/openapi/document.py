"""The checked-in documents, and ways to look into them. Tests call this."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.api import Api
from server.apis.kfp.api import KFP
from server.apis.lineal.api import LINEAL

CHECKOUT = Path(__file__).parents[2]
FILE = CHECKOUT / "api" / "openapi.json"


@dataclass(frozen=True)
class Document:
    """The document of an API."""

    api: Api
    content: dict[str, Any]

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The named schemas."""
        schemas: dict[str, dict[str, Any]] = self.content["components"]["schemas"]
        return schemas

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield verb, path and operation."""
        for path, verbs in self.content["paths"].items():
            for verb, operation in verbs.items():
                yield verb.upper(), path, operation


KFPS = Document(KFP, json.loads(FILE.read_text()))
LINEALS = Document(LINEAL, json.loads(FILE.with_name("openapi_lineal.json").read_text()))
DOCUMENTS = (KFPS, LINEALS)


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
