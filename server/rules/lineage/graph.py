"""A lineage graph: nodes by their refs, edges in the direction of data, and cuts where a walk stopped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from storage.record import record
from storage.slices import in_slices

EDGES_PER_NODE_MAX = 10
"""How many edges an answer may have for each of the nodes that it may have."""

TASK, ARTIFACT, RUN, EXPERIMENT = "task", "artifact", "run", "experiment"
"""The kinds of refs, which are `kind/id`."""


class Direction(IntEnum):
    """To which side of its start a walk goes; the numbers are those of the wire."""

    UPSTREAM = 1
    DOWNSTREAM = 2
    BOTH = 3


class EdgeKind(IntEnum):
    """What an edge says of its nodes; the numbers are those of the wire."""

    INPUT = 1
    OUTPUT = 2
    SAME_AS = 3
    PARAMETER = 7


class Reason(IntEnum):
    """Why a walk stopped; the numbers are those of the wire."""

    HOPS = 1
    NODES = 2
    FANOUT = 3
    TIME = 4
    WITHIN = 5
    HIDDEN = 6
    TASKS = 7
    CACHED = 8


@record
class Edge:
    """A link between two nodes, in the direction in which data flowed."""

    source: str
    target: str
    kind: EdgeKind
    key: str = ""
    iteration: int | None = None
    cached: bool = False
    group: bool = False


@record
class Cut:
    """A node that was not followed to one side, or not to its end."""

    at: str
    direction: Direction
    reason: Reason


def task_ref(task_id: str) -> str:
    """Return the ref of a task."""
    return f"{TASK}/{task_id}"


def artifact_ref(artifact_id: str) -> str:
    """Return the ref of an artifact."""
    return f"{ARTIFACT}/{artifact_id}"


@dataclass(slots=True)
class Graph:
    """What a walk has found. `depths` has the nodes: their distance from the start, below zero for what it came from."""

    node_limit: int
    depths: dict[str, int] = field(default_factory=dict)
    edges: dict[Edge, None] = field(default_factory=dict)
    cuts: dict[Cut, None] = field(default_factory=dict)

    def add(self, ref: str, depth: int) -> bool:
        """Add a node unless it is there; returns False if there is no room for it."""
        if ref not in self.depths:
            if len(self.depths) >= self.node_limit:
                return False
            self.depths[ref] = depth
        return True

    def link(self, edge: Edge, ref: str, depth: int) -> bool:
        """Add an edge and that one of its nodes which may be new; returns False if there is no room for both."""
        if edge not in self.edges and len(self.edges) >= self.node_limit * EDGES_PER_NODE_MAX:
            return False
        if not self.add(ref, depth):
            return False
        self.edges[edge] = None
        return True

    def cut(self, at: str, direction: Direction, reason: Reason) -> None:
        """Say that the walk stopped at a node."""
        self.cuts[Cut(at, direction, reason)] = None

    async def settle(self, starts: Iterable[str]) -> None:
        """Make depths exact: edges of different kinds take a different number of steps for one hop."""
        sources: dict[str, list[str]] = {}
        targets: dict[str, list[str]] = {}

        def join(edge: Edge) -> None:
            sources.setdefault(edge.target, []).append(edge.source)
            targets.setdefault(edge.source, []).append(edge.target)

        await in_slices(self.edges, join)
        begin = list(starts)
        ups, downs = _distances(begin, sources), _distances(begin, targets)
        for ref, depth in self.depths.items():
            if depth < 0:
                self.depths[ref] = -ups.get(ref, -depth)
            elif depth > 0:
                self.depths[ref] = downs.get(ref, depth)


def _distances(starts: Iterable[str], neighbours: Mapping[str, Sequence[str]]) -> dict[str, int]:
    distances = dict.fromkeys(starts, 0)
    queue = list(distances)
    for ref in queue:
        for other in neighbours.get(ref, ()):
            if other not in distances:
                distances[other] = distances[ref] + 1
                queue.append(other)
    return distances
