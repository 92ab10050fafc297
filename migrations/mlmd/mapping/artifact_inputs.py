"""The origins of the input artifacts of KFP v2's tasks. `kfp_v2` calls this."""

from collections import Counter
from collections.abc import Mapping, Sequence

from migrations.mlmd.mapping.links import ReadEvent
from migrations.mlmd.mapping.outputs import Outputs
from migrations.mlmd.mapping.tree import Node, Tree
from migrations.mlmd.vocabulary.names import maker_name
from migrations.mlmd.vocabulary.rows import Origin
from storage.model import IOType
from storage.record import record


@record
class InputOrigin:
    """How an input artifact came to a task."""

    type: IOType
    producer: str


@record
class _Sibling:
    id: int
    name: str
    is_collected: bool  # one of several that a loop has as output


class InputOrigins:
    """The origins of the inputs of one run; the outputs of every execution are read once."""

    def __init__(
        self,
        tree: Tree,
        outputs: Mapping[int, Outputs],
        events: Sequence[ReadEvent],
        artifact_origins: Mapping[int, Origin],
    ) -> None:
        self._outputs = outputs
        self._artifact_origins = artifact_origins
        self._siblings: dict[int, dict[int, list[_Sibling]]] = {}
        self._makers: dict[int, str] = {}
        for event in events:
            if event.output:
                self._makers.setdefault(event.event.artifact_id, tree.nodes[event.event.execution_id].name)
        self._uses = Counter((event.event.execution_id, event.key) for event in events if not event.output)

    def of(self, node: Node, key: str, artifact_id: int) -> InputOrigin:
        """Return the origin of an input: a sibling of the task, several iterations of a loop, or outside the group."""
        sibling = self._sibling(node, artifact_id)
        several = self._uses[(node.id, key)] > 1
        if sibling is not None:
            kind = IOType.COLLECTED_INPUTS if several or sibling.is_collected else IOType.TASK_OUTPUT_INPUT
            return InputOrigin(kind, sibling.name)
        maker = self._makers.get(artifact_id) or maker_name(self._artifact_origins[artifact_id].maker)
        return InputOrigin(IOType.COLLECTED_INPUTS if several else IOType.COMPONENT_INPUT, maker)

    def _sibling(self, node: Node, artifact_id: int) -> _Sibling | None:
        if node.parent is None:
            return None
        siblings_by_artifact = self._siblings.get(node.parent.id)
        if siblings_by_artifact is None:
            siblings_by_artifact = self._siblings[node.parent.id] = self._siblings_by_artifact(node.parent)
        return next((sibling for sibling in siblings_by_artifact.get(artifact_id, ()) if sibling.id != node.id), None)

    def _siblings_by_artifact(self, parent: Node) -> dict[int, list[_Sibling]]:
        siblings_by_artifact: dict[int, list[_Sibling]] = {}
        for child in parent.children:
            for output in self._outputs[child.id].artifacts:
                is_collected = output.type is IOType.ITERATOR_OUTPUT and output.producer.iteration != child.iteration
                siblings = siblings_by_artifact.setdefault(output.artifact_id, [])
                # Two are enough: at least one of them is not the task itself.
                if len(siblings) < 2:
                    siblings.append(_Sibling(child.id, child.name, is_collected))
        return siblings_by_artifact
