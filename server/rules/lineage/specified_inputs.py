"""Inputs of which KFP records nothing, as those of importers and of volume claims: from the specification of the run."""

from collections.abc import Iterable, Mapping
from typing import Any

from server.rules.lineage.recorded_tasks import RecordedTask
from server.rules.lineage.run_flow import Origin
from server.rules.lineage.spec_texts import field_of, object_in, pipeline_of


def lacks_inputs(task: RecordedTask) -> bool:
    """Return whether a task that does something has no recorded parameters."""
    return task.is_doer and not task.inputs


def origins_of(spec: str, tasks: Iterable[RecordedTask]) -> dict[str, Mapping[str, Origin]]:
    """Return where a stored specification says that the inputs of tasks come from, by the tasks' ids and the inputs' keys.

    Tasks that are not in the specification are left out, and so is everything if it cannot be read.
    """
    pipeline = pipeline_of(spec)
    origins: dict[str, Mapping[str, Origin]] = {}
    for task in tasks:
        path = [task.name, *(group.name for group, _ in task.levels())]
        # The last two are ROOT and what is around it.
        inputs = _inputs(pipeline, list(reversed(path[:-2])))
        origins[task.id] = {key: origin for key, each in inputs.items() if (origin := _origin(object_in(each)))}
    return origins


def _inputs(pipeline: dict[str, Any], path: list[str]) -> dict[str, Any]:
    component, inputs = object_in(pipeline.get("root")), {}
    for name in path:
        task = object_in(object_in(object_in(component.get("dag")).get("tasks")).get(name))
        inputs = object_in(object_in(task.get("inputs")).get("parameters"))
        reference = object_in(field_of(task, "component_ref")).get("name")
        component = object_in(object_in(pipeline.get("components")).get(str(reference)))
    return inputs


def _origin(input: dict[str, Any]) -> Origin | None:
    output = object_in(field_of(input, "task_output_parameter"))
    if output:
        return Origin(str(field_of(output, "producer_task")), str(field_of(output, "output_parameter_key")))
    name = field_of(input, "component_input_parameter")
    return Origin("", name) if isinstance(name, str) and name else None
