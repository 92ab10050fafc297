"""Pipeline specs: parses the text in KFP's database into the text that Lineal stores, and looks up tasks in it.

KFP stores a spec as YAML or JSON, with the platform's part as a second document. The readers of KFP's database and the mapping
call this.
"""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from migrations.mlmd.vocabulary.cleaning import clean_value
from migrations.mlmd.vocabulary.findings import Findings
from storage.documents.plain import compact
from storage.record import record

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _JsonLoader(_LOADER):  # type: ignore[misc]
    """YAML as KFP reads it: scalars that JSON does not have, such as dates, are text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - declared as in its base class
        first: [pair for pair in pairs if pair[0] != _TIMESTAMP]
        for first, pairs in _LOADER.yaml_implicit_resolvers.items()
    }


def spec_text(text: str) -> str | None:
    """Return a spec as Lineal stores it, alone or together with the platform's part; None for text that is not a spec."""
    documents = [document for document in _documents(text) if isinstance(document, dict)]
    spec = next((_bare(document) for document in documents if _is_spec(_bare(document))), None)
    if spec is None:
        return None
    platform = next((_platform(document) for document in documents if _platform(document)), None)
    plain: Any = {"pipeline_spec": spec, "platform_spec": platform} if platform else spec
    try:
        return compact(clean_value(plain, Findings(), "pipeline spec"))
    except (TypeError, ValueError):
        return None


@record
class SpecTask:
    """A task of a spec, and the component that it runs; the root has only a component."""

    task: Mapping[str, Any]
    component: Mapping[str, Any]

    @property
    def is_condition(self) -> bool:
        """Whether the task runs only when a condition holds."""
        return bool(_object(self.task, "triggerPolicy").get("condition"))

    @property
    def is_loop(self) -> bool:
        """Whether the task runs once for each item of a list."""
        return "parameterIterator" in self.task or "artifactIterator" in self.task

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Where each input parameter comes from."""
        return _object(_object(self.task, "inputs"), "parameters")

    @property
    def tasks(self) -> Mapping[str, Any]:
        """The tasks in the component, by name."""
        return _object(_object(self.component, "dag"), "tasks")


@record
class Spec:
    """A spec in which tasks are looked up. It is not validated: a lookup of something that it lacks returns nothing."""

    document: Mapping[str, Any]

    @classmethod
    def parsed(cls, text: str | None) -> "Spec | None":
        """Return the spec in a stored text, None without one."""
        if not text:
            return None
        document = json.loads(text)
        return cls(_bare(document)) if isinstance(document, dict) else None

    @property
    def root(self) -> SpecTask:
        """The pipeline itself."""
        return SpecTask({}, _object(self.document, "root"))

    def within(self, group: SpecTask, name: str) -> SpecTask | None:
        """Return a task of a group by its name."""
        task = group.tasks.get(name)
        if not isinstance(task, dict):
            return None
        component = _object(self.document, "components").get(str(_object(task, "componentRef").get("name")))
        return SpecTask(task, component if isinstance(component, dict) else {})

    def name_of_importer(self, group: SpecTask, display_name: str) -> str | None:
        """Return the name of the only importer of a group with this display name."""
        executors = _object(_object(self.document, "deploymentSpec"), "executors")
        names = [
            name
            for name, task in group.tasks.items()
            if isinstance(task, dict) and _object(task, "taskInfo").get("name") == display_name
            if "importer" in _object(executors, self._executor(group, name))
        ]
        return names[0] if len(names) == 1 else None

    def _executor(self, group: SpecTask, name: str) -> str:
        task = self.within(group, name)
        return str(task.component.get("executorLabel", "")) if task else ""


def _documents(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    try:
        return [_keyed_by_text(document) for document in yaml.load_all(text, Loader=_JsonLoader)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []


def _keyed_by_text(plain: Any) -> Any:
    """Return a YAML value with text as keys, as JSON requires."""
    if isinstance(plain, list):
        return [_keyed_by_text(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    keys = (key if isinstance(key, str) else json.dumps(key, default=str) for key in plain)
    return {key: _keyed_by_text(value) for key, value in zip(keys, plain.values(), strict=True)}


def _bare(document: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = document.get("pipeline_spec")
    return inner if isinstance(inner, dict) else document


def _is_spec(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("pipelineInfo"), dict) and isinstance(document.get("root"), dict)


def _platform(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    if isinstance(document.get("platforms"), dict):
        return document
    return _object(document, "platform_spec") or None


def _object(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}
