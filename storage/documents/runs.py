"""The columns runs.runtime_config and runs.plugins_input."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from storage.documents.plain import compact, object_of, text_of
from storage.record import record


@record
class RuntimeConfig:
    """What a run was started with: {"parameters": {name: any value}, "pipelineRoot"}."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    pipeline_root: str = ""

    @classmethod
    def from_text(cls, text: str | None) -> "RuntimeConfig | None":
        """Return the value of a column, None when it is empty."""
        plain = object_of(text)
        if not plain:
            return None
        parameters = plain.get("parameters")
        return cls(parameters if isinstance(parameters, dict) else {}, text_of(plain.get("pipelineRoot")))

    def to_text(self) -> str | None:
        """Return the text of a column, None when parameters and root are empty."""
        plain: dict[str, Any] = {}
        if self.parameters:
            plain["parameters"] = self.parameters
        if self.pipeline_root:
            plain["pipelineRoot"] = self.pipeline_root
        return compact(plain) if plain else None


def plugins_from_text(text: str | None) -> dict[str, dict[str, Any]]:
    """Return the settings of each plugin by its name; settings that are not an object become empty."""
    plugins = object_of(text) or {}
    return {name: settings if isinstance(settings, dict) else {} for name, settings in plugins.items()}


def plugins_to_text(plugins: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the text of a column, plugins by name; None when there are none."""
    return compact({name: plugins[name] for name in sorted(plugins)}) if plugins else None
