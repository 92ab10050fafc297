"""Types of artifacts and parameters, and constants, as a specification writes them."""

import json
from typing import Any

from storage.model import ArtifactType

CONSTANT_CHARACTERS = 200
"""Maximum length of constants; longer ones are cut, since a page reads the values of a task from the task."""

_TITLES: dict[int, str] = {
    ArtifactType.Model: "system.Model",
    ArtifactType.Dataset: "system.Dataset",
    ArtifactType.HTML: "system.HTML",
    ArtifactType.Markdown: "system.Markdown",
    ArtifactType.Metric: "system.Metrics",
    ArtifactType.ClassificationMetric: "system.ClassificationMetrics",
    ArtifactType.SlicedClassificationMetric: "system.SlicedClassificationMetrics",
}


def schema_of(number: int) -> dict[str, str]:
    """Return the schema of an artifact type, given by its number."""
    return {"schemaTitle": _TITLES.get(number, "system.Artifact"), "schemaVersion": "0.0.1"}


def artifact_type(number: int) -> dict[str, Any]:
    """Return the definition of an input or output artifact."""
    return {"artifactType": schema_of(number)}


def parameter_type(value: Any) -> dict[str, Any]:
    """Return the definition of a parameter with this value."""
    if isinstance(value, bool):
        name = "BOOLEAN"
    elif isinstance(value, int | float):
        name = "NUMBER_INTEGER" if isinstance(value, int) else "NUMBER_DOUBLE"
    else:
        name = "LIST" if isinstance(value, list) else "STRUCT" if isinstance(value, dict) else "STRING"
    return {"parameterType": name}


def constant_of(value: Any) -> Any:
    """Return a value as a constant: unchanged if it is short and scalar, otherwise the beginning of its text.

    Lists and objects become text, since the specification adds its own levels of nesting, which are limited.
    """
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= CONSTANT_CHARACTERS else f"{text[:CONSTANT_CHARACTERS]}…"
