"""The origins of a task's input parameters according to its pipeline spec. `kfp_v2` calls this.

MLMD stores values without their origin. Without a spec, every input is an input of the component without a producer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from migrations.mlmd.mapping.tree import ROOT_NAME, Node
from storage.documents.parameters import Parameter, Producer
from storage.documents.plain import Plain
from storage.model import IOType, TaskType


class ParameterOrigins:
    """The origins of the inputs of one run. Call `inputs` for parents first, since those of tasks depend on their group's."""

    def __init__(self) -> None:
        self._inputs_of_node: dict[int, Mapping[str, Parameter]] = {}

    def inputs(self, node: Node, values: Mapping[str, Plain]) -> list[Parameter]:
        """Return the inputs of a node by key."""
        parameters = [self._input(node, key, values[key]) for key in sorted(values)]
        self._inputs_of_node[node.id] = {parameter.key: parameter for parameter in parameters}
        return parameters

    def _input(self, node: Node, key: str, value: Plain) -> Parameter:
        if node.type is TaskType.ROOT:
            return Parameter(key, IOType.RUNTIME_VALUE_INPUT, value, Producer(ROOT_NAME))
        if node.spec is None or node.parent is None:
            return Parameter(key, IOType.COMPONENT_INPUT, value)
        kind, task_name = self._origin(node, node.parent, key, node.spec.inputs.get(key))
        if task_name is None:
            return Parameter(key, kind, value)
        return Parameter(key, kind, value, Producer(task_name, node.iteration if task_name else None))

    def _origin(self, node: Node, parent: Node, key: str, source: Any) -> tuple[IOType, str | None]:
        if not isinstance(source, dict):
            is_default = node.spec is not None and not node.spec.is_loop and key not in node.spec.inputs
            return (IOType.COMPONENT_DEFAULT_INPUT if is_default else IOType.COMPONENT_INPUT), None
        if "taskOutputParameter" in source:
            return self._from_task(parent, source["taskOutputParameter"])
        if "runtimeValue" in source:
            return IOType.RUNTIME_VALUE_INPUT, parent.task.name
        if "taskFinalStatus" in source:
            return IOType.TASK_FINAL_STATUS_OUTPUT, ROOT_NAME
        outer = source.get("componentInputParameter")
        group_input = self._inputs_of_node.get(parent.task.id, {}).get(outer) if isinstance(outer, str) else None
        if group_input is not None:
            return IOType.COMPONENT_INPUT, group_input.producer.task_name if group_input.producer else None
        # An input of an iteration that is not an input of the loop is the item.
        return IOType.COMPONENT_INPUT, parent.task.name if parent.folded else None

    def _from_task(self, parent: Node, source: Any) -> tuple[IOType, str | None]:
        name = source.get("producerTask") if isinstance(source, dict) else None
        if not isinstance(name, str):
            return IOType.COMPONENT_INPUT, None
        is_loop = any(child.type is TaskType.LOOP for child in _with_name(parent.children, name))
        return (IOType.COLLECTED_INPUTS if is_loop else IOType.TASK_OUTPUT_INPUT), name


def _with_name(nodes: Sequence[Node], name: str) -> list[Node]:
    return [node for node in nodes if node.name == name]
