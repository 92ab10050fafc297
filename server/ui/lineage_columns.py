"""What came before an artifact and what came of it, as columns of cards: a column per step, from the answers of GetLineage.

A page shows a few cards of each column, marks those on the way to one that is selected, and says in words what it leaves out.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lineal.v1 import lineage_pb2

from server.ui.kinds import is_hidden, kind_word, name_of
from server.ui.nodes import address_of_node, kind_of
from server.ui.visit import Visit
from storage.record import record

CARDS_MAX = 30
"""How many cards a column shows."""

NAMES_MAX = 5
"""How many names a sentence lists."""

_OUTPUT, _SAME_AS = lineage_pb2.OUTPUT, lineage_pb2.SAME_AS
_ORDER = ("Model", "Dataset", "Artifact")


@dataclass(slots=True)
class Card:
    """A task or an artifact. `number` tells cards apart, `to` are the numbers of those that edges lead to."""

    number: int
    node: Any
    name: str
    word: str
    address: str
    select: str
    depth: int
    is_start: bool
    is_selected: bool
    is_on_path: bool
    to: list[int] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    leads_to: str = ""

    @property
    def is_task(self) -> bool:
        """Whether it is a task."""
        return kind_of(self.node.ref) == "task"


@record
class Column:
    """The cards of one step, as many as are shown, and how many are left out."""

    depth: int
    cards: Sequence[Card]
    left_out: int

    @property
    def heading(self) -> str:
        """Where the column is."""
        if self.depth == 0:
            return "This"
        steps = abs(self.depth)
        return f"{steps} {'step' if steps == 1 else 'steps'} {'before' if self.depth < 0 else 'after'}"


@record
class Columns:
    """The columns from left to right. `selected` is the name of what is selected, if it is shown.

    `goes_on` says to which sides there is more than the asked number of hops; `notes` say what else is left out.
    """

    columns: Sequence[Column]
    selected: str
    goes_on_before: bool
    goes_on_after: bool
    notes: Sequence[str]


class _Found:
    """Answers of GetLineage, together: a node or an edge that both sides have is there once."""

    def __init__(self, answers: Iterable[Any]) -> None:
        self.nodes: dict[str, Any] = {}
        self.edges: dict[tuple[str, str], Any] = {}
        self.cuts: list[Any] = []
        for answer in answers:
            for node in answer.nodes:
                self.nodes.setdefault(node.ref, node)
            for edge in answer.edges:
                self.edges.setdefault((edge.source, edge.target), edge)
            self.cuts += answer.cuts
        self._labels: dict[str, str] = {}
        for edge in sorted(self.edges.values(), key=lambda edge: edge.kind != _OUTPUT):
            if edge.key:
                self._labels.setdefault(edge.target if edge.kind == _OUTPUT else edge.source, edge.key)

    def label_of(self, ref: str) -> str:
        """Return what an artifact is called as an output or an input, for one without a name of its own."""
        return self._labels.get(ref, "")

    def on_the_way(self, start: str, selected: str) -> set[str]:
        """Return the nodes on the ways between two, both included; none if there is no way."""
        after, before = defaultdict(list), defaultdict(list)
        for source, target in self.edges:
            after[source].append(target)
            before[target].append(source)
        ways = _reached(selected, after) & _reached(start, before) | _reached(selected, before) & _reached(start, after)
        return ways if start in ways and selected in ways else set()


def _reached(ref: str, neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    seen, queue = {ref}, [ref]
    for each in queue:
        for other in neighbours.get(each, ()):
            if other not in seen:
                seen.add(other)
                queue.append(other)
    return seen


def columns_of(visit: Visit, start: str, answers: Sequence[Any], *, selected: str) -> Columns:
    """Return the columns of what was found around an artifact; what is not there cannot be selected."""
    found = _Found(answers)
    is_selected = selected in found.nodes and selected != start
    path = found.on_the_way(start, selected) if is_selected else set()
    by_depth: dict[int, list[Any]] = defaultdict(list)
    for node in found.nodes.values():
        by_depth[node.depth].append(node)
    cards: dict[str, Card] = {}
    columns = []
    for depth in sorted(by_depth):
        nodes = sorted(by_depth[depth], key=lambda node: (node.ref not in path, *_place(node)))
        for node in nodes[:CARDS_MAX]:
            cards[node.ref] = _card(visit, node, found, len(cards), start=start, selected=selected, path=path)
        shown = [cards[node.ref] for node in nodes[:CARDS_MAX]]
        columns.append(Column(depth, shown, len(nodes) - len(shown)))
    _join(found, cards)
    return Columns(
        columns=columns,
        selected=name_of(found.nodes[selected], found.label_of(selected)) if is_selected else "",
        goes_on_before=_goes_on(found, lineage_pb2.UPSTREAM),
        goes_on_after=_goes_on(found, lineage_pb2.DOWNSTREAM),
        notes=_notes(found),
    )


def _place(node: Any) -> tuple[Any, ...]:
    order = _ORDER.index(node.type) if node.type in _ORDER else len(_ORDER)
    return is_hidden(node), order, node.created_at.seconds, node.created_at.nanos, node.name, node.ref


def _card(visit: Visit, node: Any, found: _Found, number: int, *, start: str, selected: str, path: set[str]) -> Card:
    is_selected = node.ref == selected
    return Card(
        number=number,
        node=node,
        name=name_of(node, found.label_of(node.ref)),
        word=kind_word(node),
        address="" if node.ref == start else address_of_node(visit, node),
        select=visit.changed(focus="" if is_selected else node.ref) + "#lineage",
        depth=node.depth,
        is_start=node.ref == start,
        is_selected=is_selected,
        is_on_path=node.ref in path,
    )


def _join(found: _Found, cards: Mapping[str, Card]) -> None:
    names: dict[str, list[str]] = defaultdict(list)
    for (source, target), edge in found.edges.items():
        if source in cards and target in cards:
            (cards[source].same if edge.kind == _SAME_AS else cards[source].to).append(cards[target].number)
            names[source].append(cards[target].name)
    for ref, of_source in names.items():
        cards[ref].leads_to = listed(of_source)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them, the first ones of many."""
    if len(names) > NAMES_MAX:
        return f"{', '.join(names[:NAMES_MAX])} and {len(names) - NAMES_MAX} more"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else ""


def _goes_on(found: _Found, direction: int) -> bool:
    return any(cut.reason == lineage_pb2.Cut.HOPS and cut.direction == direction for cut in found.cuts)


def _notes(found: _Found) -> list[str]:
    """Return a sentence for each reason and side for which something is left out, but for the number of hops."""
    at: dict[tuple[int, int], dict[str, None]] = defaultdict(dict)
    for cut in found.cuts:
        if cut.reason != lineage_pb2.Cut.HOPS:
            at[(cut.direction, cut.reason)][cut.at] = None
    notes = []
    for (direction, reason), refs in at.items():
        names = listed([name_of(found.nodes[ref], found.label_of(ref)) for ref in refs if ref in found.nodes])
        side = "before" if direction == lineage_pb2.UPSTREAM else "after"
        notes.append(_SENTENCES.get(reason, _OTHERWISE).format(names=names or "the start", side=side, count=len(refs)))
    return notes


_SENTENCES: Mapping[int, str] = {
    lineage_pb2.Cut.NODES: "There are more tasks and artifacts {side} than one page shows: what follows {names} is left out.",
    lineage_pb2.Cut.FANOUT: "More tasks have used {names}, or more is at the same uri, than is shown.",
    lineage_pb2.Cut.TIME: "Looking {side} took two seconds and stopped at {names}. Fewer steps take less time.",
    lineage_pb2.Cut.HIDDEN: "{count} of those {side} you may not see; what lies beyond them is left out.",
    lineage_pb2.Cut.CACHED: "From the cache took {names} what another task had made; they are not followed {side}.",
}
_OTHERWISE = "What lies {side} of {names} is left out."
