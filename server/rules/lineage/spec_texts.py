"""Reads stored specifications as they are, which need not be those of this version: what is missing or of another kind is empty."""

import json
from typing import Any

SPEC_CHARACTERS_MAX = 4 * 1024 * 1024
"""How long the specification of a run may be for inputs that are not recorded to be followed."""


def pipeline_of(spec: str) -> dict[str, Any]:
    """Return what a stored specification says of its pipeline, nothing if it cannot be read."""
    try:
        document = object_in(json.loads(spec))
    except (ValueError, RecursionError):
        return {}
    return object_in(field_of(document, "pipeline_spec") or document)


def field_of(message: dict[str, Any], name: str) -> Any:
    """Return a field of a message in JSON, whose names are in either form."""
    first, *others = name.split("_")
    return message.get(name, message.get(first + "".join(map(str.capitalize, others))))


def object_in(value: Any) -> dict[str, Any]:
    """Return an object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}
