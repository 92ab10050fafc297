"""The walk: breadth first from its starts, many artifacts and tasks to a statement, within bounds that leave cuts.

A hop is from artifacts to tasks, and from these to artifacts again. Both sides of a walk take their hops by turns, so that
each gets its share of the nodes.
"""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from server.rules.lineage import versions
from server.rules.lineage.choice import DOERS, is_cached, is_doer, is_maker, makers, users
from server.rules.lineage.graph import Direction, Edge, EdgeKind, Graph, Reason, artifact_ref, task_ref
from server.rules.lineage.nodes import Nodes, Within
from server.rules.lineage.versions import Versions, has_versions
from storage.contract import ReadTx
from storage.lineage import LineageLink
from storage.model import NO_ITERATION

SECONDS_MAX = 2.0
"""How long a walk may take."""


@dataclass(frozen=True, slots=True)
class Question:
    """Where a walk begins, and what it follows. `namespace` is the only one that its caller may see, None for all."""

    tasks: Sequence[str]
    artifacts: Sequence[str]
    direction: Direction
    kinds: frozenset[EdgeKind]
    hops: int
    node_limit: int
    fanout_limit: int
    groups: bool = False
    cached: bool = False
    within: Within | None = None
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The graph, and what its nodes show."""

    graph: Graph
    nodes: Nodes


async def walk(tx: ReadTx, question: Question, *, seconds: float = SECONDS_MAX) -> Found:
    """Walk from the starts of a question, which exist and may be seen. Time that is up leaves cuts, as other bounds do."""
    graph, nodes = Graph(question.node_limit), Nodes(tx.lineage, question.namespace, question.within)
    end = time.monotonic() + seconds
    for ref in (*map(artifact_ref, question.artifacts), *map(task_ref, question.tasks)):
        graph.add(ref, 0)
    both = (Direction.UPSTREAM, Direction.DOWNSTREAM)
    directions = both if question.direction is Direction.BOTH else (question.direction,)
    sides = [_Side(tx, question, graph, nodes, direction) for direction in directions]
    # Starts that are tasks are followed to their artifacts first, and once more at the end, to see what lies beyond.
    steps = [_Side.begin, *[_Side.step] * question.hops, _Side.look_ahead]
    for step in steps:
        for side in sides:
            if not side.has_more():
                continue
            if time.monotonic() < end:
                await step(side)
            else:
                side.give_up()
    await nodes.load(graph)
    return Found(graph, nodes)


class _Side:
    """One direction of a walk: what is to be followed next, and how far from the start it is."""

    def __init__(self, tx: ReadTx, question: Question, graph: Graph, nodes: Nodes, direction: Direction) -> None:
        self._reads, self._question, self._graph, self._nodes = tx.lineage, question, graph, nodes
        self._direction, self._is_up = direction, direction is Direction.UPSTREAM
        self._further = -1 if self._is_up else 1
        self._artifacts = dict.fromkeys(question.artifacts, 0)
        self._tasks = dict.fromkeys(question.tasks, 0)
        self._seen = {*map(artifact_ref, question.artifacts), *map(task_ref, question.tasks)}
        self._made: set[str] = set()
        self._is_looking = False

    def has_more(self) -> bool:
        """Return whether there is anything to follow."""
        return bool(self._artifacts or self._tasks)

    def give_up(self) -> None:
        """Say of everything that was to be followed that time is up."""
        for ref in (*map(artifact_ref, self._artifacts), *map(task_ref, self._tasks)):
            self._graph.cut(ref, self._direction, Reason.TIME)
        self._artifacts, self._tasks = {}, {}

    async def begin(self) -> None:
        """Follow the tasks that the walk begins with."""
        tasks, self._tasks = self._tasks, {}
        await self._follow_tasks(await self._allowed(tasks))

    async def step(self) -> None:
        """Follow artifacts to tasks, and these to artifacts."""
        artifacts, self._artifacts = self._artifacts, {}
        tasks, self._tasks = self._tasks, {}
        if artifacts:
            await self._follow_artifacts(artifacts)
        tasks |= self._tasks
        self._tasks = {}
        await self._follow_tasks(await self._allowed(tasks))

    async def look_ahead(self) -> None:
        """Say where there is more than the hops reach."""
        self._is_looking = True
        await self.step()
        self._artifacts, self._tasks = {}, {}

    async def _follow_artifacts(self, artifacts: Mapping[str, int]) -> None:
        kind = EdgeKind.OUTPUT if self._is_up else EdgeKind.INPUT
        links: dict[str, list[LineageLink]] = defaultdict(list)
        # Half of them may be those of groups.
        most = 2 * (self._question.fanout_limit + 1)
        if kind in self._question.kinds:
            read = self._reads.producers if self._is_up else self._reads.consumers
            for link in await read(list(artifacts), per_artifact=most):
                links[link.artifact_id].append(link)
        for artifact_id, depth in artifacts.items():
            self._meet_tasks(
                artifact_id, links[artifact_id], depth + self._further, is_cut=len(links[artifact_id]) == most
            )
        if EdgeKind.SAME_AS in self._question.kinds:
            await self._follow_uris(artifacts, links)

    def _meet_tasks(self, artifact_id: str, links: Sequence[LineageLink], depth: int, *, is_cut: bool) -> None:
        question, at = self._question, artifact_ref(artifact_id)
        chosen = makers(links, cached=question.cached) if self._is_up else users(links)
        if (is_cut or len(chosen) > question.fanout_limit) and not self._is_looking:
            self._graph.cut(at, self._direction, Reason.FANOUT)
        chosen = chosen[: question.fanout_limit]
        for link in chosen:
            if not self._meet(at, task_ref(link.task_id), depth, _edge(link)):
                continue
            if is_cached(link) and not question.cached:
                self._graph.cut(task_ref(link.task_id), self._direction, Reason.CACHED)
            else:
                self._tasks[link.task_id] = depth
        for link in links if question.groups else ():
            if not is_doer(link) and link not in chosen:
                self._meet(at, task_ref(link.task_id), depth, _edge(link))

    async def _follow_tasks(self, tasks: Mapping[str, int]) -> None:
        if not tasks:
            return
        kind = EdgeKind.INPUT if self._is_up else EdgeKind.OUTPUT
        new: dict[str, int] = {}
        if kind in self._question.kinds:
            read = self._reads.inputs if self._is_up else self._reads.outputs
            for link in await read(list(tasks), per_task=self._question.node_limit + 1):
                depth = tasks[link.task_id] + self._further
                if self._meet(task_ref(link.task_id), artifact_ref(link.artifact_id), depth, _edge(link)):
                    new[link.artifact_id] = depth
                if is_maker(link):
                    self._made.add(link.artifact_id)
        await self._keep_visible(new)

    async def _follow_uris(self, artifacts: Mapping[str, int], links: Mapping[str, Sequence[LineageLink]]) -> None:
        if self._is_up:
            candidates = [id for id in artifacts if not any(map(is_maker, links[id]))]
        else:
            await self._look_up_makers([id for id in artifacts if id not in self._made])
            candidates = [id for id in artifacts if id in self._made]
        nodes = await self._nodes.artifacts(candidates)
        named = [nodes[id] for id in candidates if id in nodes and has_versions(nodes[id])]
        related = versions.sources if self._is_up else versions.readers
        found: Mapping[str, Versions] = await related(self._reads, named) if named else {}
        new: dict[str, int] = {}
        for id, others in found.items():
            depth = artifacts[id] + self._further
            if others.is_cut and not self._is_looking:
                self._graph.cut(artifact_ref(id), self._direction, Reason.FANOUT)
            for other in others.artifacts:
                ends = (other.id, id) if self._is_up else (id, other.id)
                edge = Edge(artifact_ref(ends[0]), artifact_ref(ends[1]), EdgeKind.SAME_AS)
                if self._meet(artifact_ref(id), artifact_ref(other.id), depth, edge):
                    new[other.id] = depth
        await self._keep_visible(new)

    async def _look_up_makers(self, artifact_ids: Sequence[str]) -> None:
        links = await self._reads.producers(artifact_ids, per_artifact=versions.PRODUCERS_MAX) if artifact_ids else ()
        self._made.update(link.artifact_id for link in links if is_maker(link))

    def _meet(self, at: str, ref: str, depth: int, edge: Edge) -> bool:
        """Add a neighbour of a node, and their edge; returns whether it is to be followed."""
        if self._is_looking:
            if edge not in self._graph.edges:
                self._graph.cut(at, self._direction, Reason.HOPS)
            return False
        if not self._graph.add(ref, depth):
            self._graph.cut(at, self._direction, Reason.NODES)
            return False
        self._graph.link(edge)
        is_new = ref not in self._seen
        self._seen.add(ref)
        return is_new

    async def _keep_visible(self, artifacts: Mapping[str, int]) -> None:
        hidden = await self._nodes.hidden_artifacts(list(artifacts))
        for id, depth in artifacts.items():
            if id in hidden:
                self._graph.cut(artifact_ref(id), self._direction, Reason.HIDDEN)
            else:
                self._artifacts[id] = depth

    async def _allowed(self, tasks: Mapping[str, int]) -> dict[str, int]:
        stops = await self._nodes.stops(list(tasks))
        for id, reason in stops.items():
            self._graph.cut(task_ref(id), self._direction, reason)
        return {id: depth for id, depth in tasks.items() if id not in stops}


def _edge(link: LineageLink) -> Edge:
    task, artifact = task_ref(link.task_id), artifact_ref(link.artifact_id)
    source, target = (task, artifact) if link.is_output else (artifact, task)
    return Edge(
        source,
        target,
        EdgeKind.OUTPUT if link.is_output else EdgeKind.INPUT,
        link.key,
        None if link.iteration == NO_ITERATION else link.iteration,
        cached=is_cached(link),
        group=link.task_type not in DOERS,
    )
