"""A lineage as an indented tree of lines, for a terminal. Each node is told once; where it comes again, it says so."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lineal.v1 import lineage_pb2

UPSTREAM = lineage_pb2.Direction.UPSTREAM
DOWNSTREAM = lineage_pb2.Direction.DOWNSTREAM

_WORDS = {
    (lineage_pb2.EdgeKind.OUTPUT, UPSTREAM): "made by {name}",
    (lineage_pb2.EdgeKind.INPUT, UPSTREAM): "took {name}{key}",
    (lineage_pb2.EdgeKind.SAME_AS, UPSTREAM): "was written as {name}",
    (lineage_pb2.EdgeKind.PARAMETER, UPSTREAM): "got a parameter{key} from {name}",
    (lineage_pb2.EdgeKind.OUTPUT, DOWNSTREAM): "made {name}{key}",
    (lineage_pb2.EdgeKind.INPUT, DOWNSTREAM): "taken by {name}{key}",
    (lineage_pb2.EdgeKind.SAME_AS, DOWNSTREAM): "was read as {name}",
    (lineage_pb2.EdgeKind.PARAMETER, DOWNSTREAM): "gave a parameter{key} to {name}",
}
_CUTS = {
    lineage_pb2.Cut.Reason.HOPS: "there is more: --hops",
    lineage_pb2.Cut.Reason.NODES: "there is more: too many nodes",
    lineage_pb2.Cut.Reason.FANOUT: "there are more of these",
    lineage_pb2.Cut.Reason.TIME: "there may be more: time was up",
    lineage_pb2.Cut.Reason.WITHIN: "not followed: outside",
    lineage_pb2.Cut.Reason.HIDDEN: "not followed: hidden",
    lineage_pb2.Cut.Reason.TASKS: "parameters not followed: the run has too many tasks",
    lineage_pb2.Cut.Reason.CACHED: "not followed: taken from the cache",
}


class _Step(NamedTuple):
    """What an edge leads to, and in which words."""

    ref: str
    words: str


def lines(lineage: lineage_pb2.Lineage) -> Iterator[str]:
    """Yield the lines of a lineage: each start, what it came from, and what came of it."""
    tree = _Tree(lineage)
    for node in lineage.nodes:
        if node.depth == 0:
            yield from tree.of(node.ref)
    for cut in lineage.cuts:
        if cut.at not in tree.nodes:
            yield f"{cut.at}: {_CUTS.get(cut.reason, 'there is more')}"


class _Tree:
    def __init__(self, lineage: lineage_pb2.Lineage) -> None:
        self.nodes = {node.ref: node for node in lineage.nodes}
        self._steps: dict[int, dict[str, list[_Step]]] = {UPSTREAM: defaultdict(list), DOWNSTREAM: defaultdict(list)}
        self._cuts: dict[tuple[str, int], list[str]] = defaultdict(list)
        self._told: set[tuple[str, int]] = set()
        for edge in lineage.edges:
            self._add(edge.target, edge.source, edge, UPSTREAM)
            self._add(edge.source, edge.target, edge, DOWNSTREAM)
        for cut in lineage.cuts:
            self._cuts[cut.at, cut.direction].append(_CUTS.get(cut.reason, "there is more"))

    def _add(self, at: str, other: str, edge: lineage_pb2.Edge, direction: lineage_pb2.Direction) -> None:
        key = f' as "{edge.key}"' if edge.kind != lineage_pb2.EdgeKind.PARAMETER else f' "{edge.key}"'
        node = self.nodes[other]
        words = _WORDS[edge.kind, direction].format(name=node.name or node.type, key=key if edge.key else "")
        step = _Step(other, words + (f" [{edge.iteration}]" if edge.HasField("iteration") else ""))
        if step not in self._steps[direction][at]:
            self._steps[direction][at].append(step)

    def of(self, ref: str) -> Iterator[str]:
        """Yield the lines of a start."""
        node = self.nodes[ref]
        yield self._line(node.name or node.type, node)
        ways = [way for way in (UPSTREAM, DOWNSTREAM) if self._steps[way][ref] or self._cuts[ref, way]]
        for number, direction in enumerate(ways):
            self._told.add((ref, direction))
            yield from self._below(ref, direction, "", is_last=number == len(ways) - 1)

    def _below(self, ref: str, direction: int, indent: str, *, is_last: bool = True) -> Iterator[str]:
        # What leads away from the start only: an edge to a node nearer to it has been told there.
        away = -1 if direction == UPSTREAM else 1
        depth = self.nodes[ref].depth * away
        steps = [step for step in self._steps[direction][ref] if self.nodes[step.ref].depth * away >= depth]
        cuts = self._cuts[ref, direction]
        total = len(steps) + len(cuts)
        for number, step in enumerate(steps):
            ends = is_last and number == total - 1
            is_told = (step.ref, direction) in self._told
            self._told.add((step.ref, direction))
            line = self._line(step.words, self.nodes[step.ref])
            yield f"{indent}{_branch(ends)}{line}{'  (see above)' if is_told else ''}"
            if not is_told:
                yield from self._below(step.ref, direction, indent + ("   " if ends else "│  "))
        for number, cut in enumerate(cuts, start=len(steps)):
            yield f"{indent}{_branch(is_last and number == total - 1)}… {cut}"

    @staticmethod
    def _line(words: str, node: lineage_pb2.Node) -> str:
        parts: Sequence[str] = (words, f"{node.type} {node.state}".strip(), node.uri, node.ref)
        return "  ".join(_printable(part) for part in parts if part)


def _branch(is_last: bool) -> str:
    return "└─ " if is_last else "├─ "


def _printable(text: str) -> str:
    """A stored name must not move the cursor of a terminal."""
    return "".join(character if character.isprintable() else "�" for character in text)
