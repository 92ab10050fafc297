"""What a task begins with: its arguments, checked, and as they are recorded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lineal._recorder import messages, values
from lineal._recorder.artifacts import Use, Uses, uses_of
from lineal._recorder.messages import IOParameter
from lineal._recorder.nodes import ROOT
from lineal._recorder.values import Plain


class LoopItem(NamedTuple):
    """What a loop is at: the name of the loop, the iteration, and its item in plain JSON, if it has that form."""

    loop: str
    iteration: int
    item: Plain
    is_plain: bool

    def has(self, key: str, value: Plain) -> bool:
        """Return whether an input is the item, or one of its values."""
        if not self.is_plain:
            return False
        return value == self.item or (isinstance(self.item, dict) and key in self.item and self.item[key] == value)


@dataclass(frozen=True)
class Plan:
    """What a task begins with."""

    display_name: str = ""
    values: dict[str, Plain] = field(default_factory=dict[str, Plain])
    """Its input parameters."""
    parameters: list[IOParameter] = field(default_factory=list[IOParameter])
    """The same, as they are recorded."""
    uses: list[Use] = field(default_factory=list[Use])
    is_cached: bool = False
    """Whether an equal task is looked for."""
    cache_key: str | None = None
    version: str | None = None
    parent_task_id: str = ""
    """The task around it, if another process has begun that."""

    def fields(self) -> dict[str, Any]:
        """Return the fields of the task that follow from it."""
        fields: dict[str, Any] = {}
        if self.display_name:
            fields["display_name"] = self.display_name
        if self.parameters:
            fields["inputs"] = messages.parameters(self.parameters)
        if self.parent_task_id:
            fields["parent_task_id"] = self.parent_task_id
        return fields


def plan_of(
    *,
    inputs: Mapping[str, Any] | None = None,
    uses: Uses | None = None,
    display_name: str = "",
    item: LoopItem | None = None,
    is_cached: bool = False,
    cache_key: str | None = None,
    version: str | None = None,
    parent_task_id: str = "",
) -> Plan:
    """Return the plan of a task with these arguments. Raises TypeError and ValueError for what cannot be recorded."""
    checked = values.parameters(inputs, "inputs")
    return Plan(
        display_name=values.text(display_name, "display_name", limit=values.DISPLAY_NAME_CHARACTERS),
        values=checked,
        parameters=[_parameter(key, value, item) for key, value in checked.items()],
        uses=uses_of(uses),
        is_cached=is_cached,
        cache_key=None if cache_key is None else values.text(cache_key, "cache_key"),
        version=None if version is None else values.text(version, "version"),
        parent_task_id=parent_task_id,
    )


def root_plan(run_name: str, parameters: Mapping[str, Plain]) -> Plan:
    """Return the plan of the ROOT task of a run: its inputs are the run's parameters."""
    producer = messages.producer(ROOT, None)
    recorded = [messages.parameter(key, value, "RUNTIME_VALUE_INPUT", producer) for key, value in parameters.items()]
    return Plan(display_name=run_name, values=dict(parameters), parameters=recorded)


def loop_parameters(name: str, items: list[LoopItem]) -> list[IOParameter]:
    """Return the inputs of a loop: its items, each with its iteration."""
    return [
        messages.parameter("item", each.item, "ITERATOR_INPUT", messages.producer(name, each.iteration))
        for each in items
        if each.is_plain
    ]


def _parameter(key: str, value: Plain, item: LoopItem | None) -> IOParameter:
    if item is not None and item.has(key, value):
        producer = messages.producer(item.loop, item.iteration)
        return messages.parameter(key, value, "ITERATOR_INPUT", producer)
    return messages.parameter(key, value, "RUNTIME_VALUE_INPUT")
