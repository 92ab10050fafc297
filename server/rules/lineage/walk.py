"""The walk: breadth first from its starts, many artifacts and tasks to a statement, within bounds that leave cuts.

A hop is from artifacts to tasks, and from these to artifacts again. Both sides of a walk take their hops by turns, so that
each gets its share of the nodes.
"""

import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence, Set
from functools import partial

from server.rules.lineage import versions
from server.rules.lineage.choice import is_cached, is_doer, is_maker, makers, users
from server.rules.lineage.graph import (
    EDGES_PER_NODE_MAX,
    Direction,
    Edge,
    EdgeKind,
    Graph,
    Reason,
    artifact_ref,
    task_ref,
)
from server.rules.lineage.nodes import Nodes, Within
from server.rules.lineage.parameter_flow import ParameterEdge, ParameterFlow
from server.rules.lineage.versions import Versions, has_versions
from storage.contract import ReadTx
from storage.contract.lineage import LineageReads
from storage.lineage import DOERS, LineageLink
from storage.model import NO_ITERATION, TaskState
from storage.record import record
from storage.slices import in_slices

SECONDS_MAX = 2.0
"""How long a walk may take."""

ROWS_AT_ONCE = 20_000
"""How many links one statement may read, so that a walk can stop between two of them."""

URIS_AT_ONCE = 100
"""How many uris are asked for their versions by one statement."""

LINKS_AT_FIRST = 100
"""How many inputs or outputs of a task are read along with those of others. Of a task that has more, they are read again."""


@record
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


@record
class Found:
    """The graph, and what its nodes show."""

    graph: Graph
    nodes: Nodes


async def walk(tx: ReadTx, question: Question, *, seconds: float = SECONDS_MAX) -> Found:
    """Walk from the starts of a question, which exist and may be seen. Time that is up leaves cuts, as other bounds do."""
    graph, nodes = Graph(question.node_limit), Nodes(tx.lineage, question.namespace, question.within)
    end = time.monotonic() + seconds
    starts = [*map(artifact_ref, question.artifacts), *map(task_ref, question.tasks)]
    both = (Direction.UPSTREAM, Direction.DOWNSTREAM)
    directions = both if question.direction is Direction.BOTH else (question.direction,)
    left_out = [ref for ref in starts if not graph.add(ref, 0)]
    for direction in directions if left_out else ():
        graph.cut(left_out[0], direction, Reason.NODES)
    context = _Context(
        tx.lineage, question, graph, nodes, lambda: time.monotonic() >= end, ParameterFlow(tx), set(graph.depths)
    )
    sides = [_Side(context, direction) for direction in directions]
    # Starts that are tasks are followed to their artifacts first, and once more at the end, to see what lies beyond.
    steps = [_Side.begin, *[_Side.step] * question.hops, _Side.look_ahead]
    for step in steps:
        for side in sides:
            if not side.has_more():
                continue
            if context.is_late():
                side.give_up()
            else:
                await step(side)
    await graph.settle(starts)
    await nodes.load(graph)
    return Found(graph, nodes)


@record
class _Context:
    """What both sides of a walk share. `starts` are the refs of the nodes that it begins with."""

    reads: LineageReads
    question: Question
    graph: Graph
    nodes: Nodes
    is_late: Callable[[], bool]
    flow: ParameterFlow
    starts: set[str]


class _Side:
    """One direction of a walk: what is to be followed next, and how far from the start it is."""

    def __init__(self, context: _Context, direction: Direction) -> None:
        self._context, self._question = context, context.question
        self._reads, self._graph, self._nodes = context.reads, context.graph, context.nodes
        self._direction, self._is_up = direction, direction is Direction.UPSTREAM
        self._further = -1 if self._is_up else 1
        self._artifacts = {id: 0 for id in self._question.artifacts if artifact_ref(id) in context.starts}
        self._tasks = {id: 0 for id in self._question.tasks if task_ref(id) in context.starts}
        self._seen = set(context.starts)
        self._made: set[str] = set()
        self._is_looking = False

    def has_more(self) -> bool:
        """Return whether there is anything to follow."""
        return bool(self._artifacts or self._tasks)

    def give_up(self) -> None:
        """Say of everything that was to be followed that time is up."""
        self._cut([*map(artifact_ref, self._artifacts), *map(task_ref, self._tasks)], Reason.TIME)
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
        # Half of them may be those of groups.
        most = 2 * (self._question.fanout_limit + 1)
        if kind in self._question.kinds:
            read = self._reads.producers if self._is_up else self._reads.consumers
            read_most = partial(read, per_artifact=most)
            async for ids, links in self._batches(list(artifacts), most, read_most, artifact_ref):
                by_artifact: dict[str, list[LineageLink]] = {id: [] for id in ids}
                for link in links:
                    by_artifact[link.artifact_id].append(link)
                await in_slices(by_artifact.items(), partial(self._meet_tasks, artifacts, most))
                self._made.update(link.artifact_id for link in links if is_maker(link))
        if EdgeKind.SAME_AS in self._question.kinds:
            if not self._is_up or kind not in self._question.kinds:
                await self._look_up_makers([id for id in artifacts if id not in self._made])
            await self._follow_uris(
                {id: depth for id, depth in artifacts.items() if (id in self._made) is not self._is_up}
            )

    async def _batches(
        self,
        ids: Sequence[str],
        rows_each: int,
        read: Callable[[Sequence[str]], Awaitable[Sequence[LineageLink]]],
        ref_of: Callable[[str], str],
    ) -> AsyncIterator[tuple[Sequence[str], Sequence[LineageLink]]]:
        """Yield ids with their links, as many at a time as may be read at once, until time is up."""
        size = max(1, ROWS_AT_ONCE // rows_each)
        for start in range(0, len(ids), size):
            if self._context.is_late():
                self._cut(list(map(ref_of, ids[start:])), Reason.TIME)
                return
            part = ids[start : start + size]
            yield part, await read(part)

    def _cut(self, refs: Sequence[str], reason: Reason) -> None:
        for ref in refs:
            self._graph.cut(ref, self._direction, reason)

    def _meet_tasks(
        self, artifacts: Mapping[str, int], most: int, links_of_one: tuple[str, Sequence[LineageLink]]
    ) -> None:
        artifact_id, links = links_of_one
        question, at, depth = self._question, artifact_ref(artifact_id), artifacts[artifact_id] + self._further
        chosen = makers(links, cached=question.cached) if self._is_up else users(links)
        if (len(links) == most or len(chosen) > question.fanout_limit) and not self._is_looking:
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
        if kind in self._question.kinds:
            await self._follow_links_of_tasks(tasks)
        if EdgeKind.PARAMETER in self._question.kinds:
            await self._follow_parameters(tasks)

    async def _follow_links_of_tasks(self, tasks: Mapping[str, int]) -> None:
        new: dict[str, int] = {}

        def meet(link: LineageLink) -> None:
            depth = tasks[link.task_id] + self._further
            if self._meet(task_ref(link.task_id), artifact_ref(link.artifact_id), depth, _edge(link)):
                new[link.artifact_id] = depth
            if is_maker(link):
                self._made.add(link.artifact_id)

        ids, most = list(tasks), self._question.node_limit * EDGES_PER_NODE_MAX + 1
        for rows_each in sorted({min(LINKS_AT_FIRST, most), most}):
            large: list[str] = []
            async for part, links in self._batches(
                ids, rows_each, partial(self._links_of_tasks, per_task=rows_each), task_ref
            ):
                counts = Counter(link.task_id for link in links)
                large += [id for id in part if counts[id] == rows_each < most]
                await in_slices(links, meet)
            ids = large
        await self._keep_visible(new)

    async def _links_of_tasks(self, task_ids: Sequence[str], *, per_task: int) -> Sequence[LineageLink]:
        read = self._reads.inputs if self._is_up else self._reads.outputs
        found = await read(task_ids, per_task=per_task)
        self._nodes.learn(found.artifacts)
        return found.links

    async def _follow_parameters(self, tasks: Mapping[str, int]) -> None:
        nodes = await self._nodes.tasks(list(tasks))
        run_ids = {id: nodes[id].run_id for id in tasks if id in nodes}
        question = self._question
        limit = question.node_limit if self._is_up else question.fanout_limit
        found = await self._context.flow.follow(run_ids, is_up=self._is_up, limit=limit, is_late=self._context.is_late)
        self._cut(list(map(task_ref, found.too_large)), Reason.TASKS)
        self._cut(list(map(task_ref, found.too_late)), Reason.TIME)
        if not self._is_looking:
            self._cut(list(map(task_ref, found.too_many)), Reason.NODES if self._is_up else Reason.FANOUT)
        nodes = await self._nodes.tasks([edge.source if self._is_up else edge.target for edge in found.edges])
        cached = {id for id in nodes if nodes[id].state == TaskState.CACHED}

        def meet(edge: ParameterEdge) -> None:
            near, far = (edge.target, edge.source) if self._is_up else (edge.source, edge.target)
            link = _parameter_edge(edge, cached)
            if not self._meet(task_ref(near), task_ref(far), tasks[near] + self._further, link):
                return
            # No link leads to who put out a parameter that was found in the cache. What both took is the same.
            if far in cached and not (self._is_up or question.cached):
                self._graph.cut(task_ref(far), self._direction, Reason.CACHED)
            else:
                self._tasks[far] = tasks[near] + self._further

        await in_slices(found.edges, meet)

    async def _follow_uris(self, artifacts: Mapping[str, int]) -> None:
        nodes = await self._nodes.artifacts(list(artifacts))
        named = [nodes[id] for id in artifacts if id in nodes and has_versions(nodes[id])]
        related = versions.sources if self._is_up else versions.readers
        new: dict[str, int] = {}
        for start in range(0, len(named), URIS_AT_ONCE):
            if self._context.is_late():
                self._cut([artifact_ref(artifact.id) for artifact in named[start:]], Reason.TIME)
                break
            for id, others in (await related(self._reads, named[start : start + URIS_AT_ONCE])).items():
                self._meet_versions(id, others, artifacts[id] + self._further, new)
        await self._keep_visible(new)

    def _meet_versions(self, id: str, others: Versions, depth: int, new: dict[str, int]) -> None:
        if others.is_cut and not self._is_looking:
            self._graph.cut(artifact_ref(id), self._direction, Reason.FANOUT)
        for other in others.artifacts:
            ends = (other.id, id) if self._is_up else (id, other.id)
            edge = Edge(artifact_ref(ends[0]), artifact_ref(ends[1]), EdgeKind.SAME_AS)
            if self._meet(artifact_ref(id), artifact_ref(other.id), depth, edge):
                new[other.id] = depth

    async def _look_up_makers(self, artifact_ids: Sequence[str]) -> None:
        most = versions.PRODUCERS_MAX
        read = partial(self._reads.producers, per_artifact=most)
        async for _, links in self._batches(artifact_ids, most, read, artifact_ref):
            self._made.update(link.artifact_id for link in links if is_maker(link))

    def _meet(self, at: str, ref: str, depth: int, edge: Edge) -> bool:
        """Add a neighbour of a node, and their edge; returns whether it is to be followed."""
        if self._is_looking:
            if edge not in self._graph.edges:
                self._graph.cut(at, self._direction, Reason.HOPS)
            return False
        if not self._graph.link(edge, ref, depth):
            self._graph.cut(at, self._direction, Reason.NODES)
            return False
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


def _parameter_edge(edge: ParameterEdge, cached: Set[str]) -> Edge:
    return Edge(
        task_ref(edge.source),
        task_ref(edge.target),
        EdgeKind.PARAMETER,
        edge.key,
        edge.iteration,
        cached=not cached.isdisjoint((edge.source, edge.target)),
    )


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
