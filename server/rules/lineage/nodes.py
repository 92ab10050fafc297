"""What the nodes of a walk show, read when it is first needed, and which of them its caller may see."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from server.rules.lineage.graph import ARTIFACT, EXPERIMENT, RUN, TASK, Graph, Reason
from storage.contract.lineage import LineageReads
from storage.lineage import ArtifactNode, TaskNode
from storage.record import record

Node = TypeVar("Node", TaskNode, ArtifactNode)


@record
class Within:
    """A run or an experiment: a task outside of it is not followed."""

    kind: str
    id: str


class Nodes:
    """The nodes that have been read. With a namespace, those of others are hidden."""

    def __init__(self, reads: LineageReads, namespace: str | None, within: Within | None) -> None:
        self._reads, self._namespace, self._within = reads, namespace, within
        self._tasks: dict[str, TaskNode] = {}
        self._artifacts: dict[str, ArtifactNode] = {}
        self._experiments: dict[str, str] = {}

    async def tasks(self, ids: Sequence[str]) -> Mapping[str, TaskNode]:
        """Return all nodes of tasks that have been read, these included unless they do not exist."""
        missing = [id for id in ids if id not in self._tasks]
        if missing:
            self._tasks |= await self._reads.tasks(missing)
        return self._tasks

    async def artifacts(self, ids: Sequence[str]) -> Mapping[str, ArtifactNode]:
        """Return all nodes of artifacts that have been read, these included unless they do not exist."""
        missing = [id for id in ids if id not in self._artifacts]
        if missing:
            self._artifacts |= await self._reads.artifacts(missing)
        return self._artifacts

    def learn(self, artifacts: Mapping[str, ArtifactNode]) -> None:
        """Keep the nodes of artifacts that came along with links to them."""
        self._artifacts |= artifacts

    async def load(self, graph: Graph) -> None:
        """Read those nodes of a graph that have not been read yet."""
        parts = [ref.partition("/") for ref in graph.depths]
        await self.tasks([id for kind, _, id in parts if kind == TASK])
        await self.artifacts([id for kind, _, id in parts if kind == ARTIFACT])

    def task(self, id: str) -> TaskNode | None:
        """Return a task that has been read and may be seen."""
        return self._visible(self._tasks.get(id))

    def artifact(self, id: str) -> ArtifactNode | None:
        """Return an artifact that has been read and may be seen."""
        return self._visible(self._artifacts.get(id))

    async def hidden_artifacts(self, ids: Sequence[str]) -> set[str]:
        """Return which artifacts the caller may not see."""
        if self._namespace is None:
            return set()
        await self.artifacts(ids)
        return {id for id in ids if self.artifact(id) is None}

    async def stops(self, task_ids: Sequence[str]) -> dict[str, Reason]:
        """Return which tasks are not followed, and why."""
        if self._namespace is None and self._within is None:
            return {}
        await self.tasks(task_ids)
        stops = {id: Reason.HIDDEN for id in task_ids if self.task(id) is None}
        if self._within is not None:
            seen = [id for id in task_ids if id not in stops]
            outside = await self._outside(self._within, seen)
            stops |= dict.fromkeys(outside, Reason.WITHIN)
        return stops

    async def _outside(self, within: Within, task_ids: Sequence[str]) -> list[str]:
        runs = {id: self._tasks[id].run_id for id in task_ids}
        if within.kind == RUN:
            return [id for id, run_id in runs.items() if run_id != within.id]
        assert within.kind == EXPERIMENT
        missing = sorted(set(runs.values()) - self._experiments.keys())
        if missing:
            self._experiments |= await self._reads.experiments(missing)
        return [id for id, run_id in runs.items() if self._experiments.get(run_id) != within.id]

    def _visible(self, node: Node | None) -> Node | None:
        return node if node is None or self._namespace in (None, node.namespace) else None
