"""Inputs of which KFP records nothing, as those of importers and of volume claims: from the specification of the run."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from server.rules.lineage.recorded_tasks import RecordedTask
from server.rules.lineage.run_flow import Origin


def lacks_inputs(task: RecordedTask) -> bool:
    """Return whether a task that does something has no recorded parameters."""
    return task.is_doer and not task.inputs


def origins_of(spec: str, tasks: Iterable[RecordedTask]) -> dict[str, Mapping[str, Origin]]:
    """Return where a stored specification says that the inputs of tasks come from, by the tasks' ids and the inputs' keys.

    Tasks that are not in the specification are left out, and so is everything if it cannot be read.
    """
    document = _object(_parsed(spec))
    pipeline = _object(_field(document, "pipeline_spec") or document)
    origins: dict[str, Mapping[str, Origin]] = {}
    for task in tasks:
        path = [task.name, *(group.name for group, _ in task.levels())]
        # The last two are ROOT and what is around it.
        inputs = _inputs(pipeline, list(reversed(path[:-2])))
        origins[task.id] = {key: origin for key, each in inputs.items() if (origin := _origin(_object(each)))}
    return origins


def _parsed(spec: str) -> Any:
    try:
        return json.loads(spec)
    except (ValueError, RecursionError):
        return None


def _inputs(pipeline: dict[str, Any], path: list[str]) -> dict[str, Any]:
    component, inputs = _object(pipeline.get("root")), {}
    for name in path:
        task = _object(_object(_object(component.get("dag")).get("tasks")).get(name))
        inputs = _object(_object(task.get("inputs")).get("parameters"))
        reference = _object(_field(task, "component_ref")).get("name")
        component = _object(_object(pipeline.get("components")).get(str(reference)))
    return inputs


def _origin(input: dict[str, Any]) -> Origin | None:
    output = _object(_field(input, "task_output_parameter"))
    if output:
        return Origin(str(_field(output, "producer_task")), str(_field(output, "output_parameter_key")))
    name = _field(input, "component_input_parameter")
    return Origin("", name) if isinstance(name, str) and name else None


def _field(message: dict[str, Any], name: str) -> Any:
    """A field of a message in JSON, whose names are in either form."""
    first, *others = name.split("_")
    return message.get(name, message.get(first + "".join(map(str.capitalize, others))))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
