"""What a specification says of the tasks of a group: their names, what they wait for, and whether they are groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any

from server.rules.lineage.spec_texts import field_of, object_in, pipeline_of
from storage.record import record

_SOURCES = (("parameters", "task_output_parameter"), ("artifacts", "task_output_artifact"))


@record
class SpecifiedTask:
    """A task of a specification: `waits_for` has the inputs that it takes from each task before it."""

    name: str
    component: Mapping[str, Any]
    is_loop: bool
    waits_for: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """Whether there are tasks in it."""
        return "dag" in self.component


class Specification:
    """A stored specification; one that cannot be read has no tasks."""

    def __init__(self, text: str) -> None:
        self._pipeline = pipeline_of(text)
        self._components = object_in(self._pipeline.get("components"))
        self.root: Mapping[str, Any] = object_in(self._pipeline.get("root"))

    def tasks_of(self, component: Mapping[str, Any]) -> dict[str, SpecifiedTask]:
        """Return the tasks in a component by their names."""
        tasks = object_in(object_in(component.get("dag")).get("tasks"))
        return {name: self._task(name, object_in(task)) for name, task in tasks.items()}

    def tasks_at(self, names: Sequence[str]) -> dict[str, SpecifiedTask]:
        """Return the tasks in the group that the names of groups lead to, the outermost first."""
        component = self.root
        for name in names:
            task = self.tasks_of(component).get(name)
            component = task.component if task is not None else {}
        return self.tasks_of(component)

    def _task(self, name: str, task: Mapping[str, Any]) -> SpecifiedTask:
        reference = object_in(field_of(dict(task), "component_ref")).get("name")
        iterators = (field_of(dict(task), f"{kind}_iterator") for kind in ("parameter", "artifact"))
        waits_for: dict[str, list[str]] = {}
        for producer, key in _sources(task):
            waits_for.setdefault(producer, []).append(key)
        others = field_of(dict(task), "dependent_tasks")
        for producer in others if isinstance(others, list) else ():
            waits_for.setdefault(str(producer), [])
        component = object_in(self._components.get(str(reference)))
        return SpecifiedTask(name, component, any(iterators), waits_for)


def _sources(task: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    inputs = object_in(task.get("inputs"))
    for kind, source in _SOURCES:
        for key, each in object_in(inputs.get(kind)).items():
            output = object_in(field_of(object_in(each), source))
            producer = field_of(output, "producer_task")
            if producer:
                yield str(producer), key
