"""LineageService.GetLineage: from refs in a request to a walk, and from what it found to a message."""

from collections.abc import Iterable, Mapping

from lineal.v1 import lineage_pb2

from server.apis.lineal.nodes import write_artifact, write_task
from server.calls.call import Call
from server.errors import InvalidArgument, NotFound
from server.rules import checks
from server.rules.lineage.graph import ARTIFACT, EXPERIMENT, RUN, TASK, Cut, Direction, Edge, EdgeKind, Reason
from server.rules.lineage.nodes import Nodes, Within
from server.rules.lineage.versions import URI_ARTIFACTS_MAX
from server.rules.lineage.walk import Found, Question, walk
from storage.contract import ReadTx
from storage.digests import text_digest
from storage.errors import RowNotFound
from storage.ids import can_be_id
from storage.lineage import DOERS
from storage.model import TaskType
from storage.slices import in_slices

STARTS_MAX = 20
"""Maximum number of starts of a walk."""
HOPS_DEFAULT = 10
HOPS_MAX = 50
NODES_DEFAULT = 500
NODES_MAX = 5_000
FANOUT_DEFAULT = 50
FANOUT_MAX = 500

URI = "uri"
_STARTS = (ARTIFACT, TASK, RUN, URI)
_KINDS = frozenset(kind.value for kind in EdgeKind)
_BY_DEFAULT = frozenset({EdgeKind.INPUT, EdgeKind.OUTPUT, EdgeKind.SAME_AS})


async def get_lineage(call: Call, request: lineage_pb2.GetLineageRequest) -> lineage_pb2.Lineage:
    """Walk from the starts, which must exist and be seen by the caller."""
    checks.require(request.start, "start is required")
    checks.at_most("start", len(request.start), STARTS_MAX)
    starts = [_parsed("start", ref, _STARTS) for ref in dict.fromkeys(request.start)]
    for name, limit in (("hops", HOPS_MAX), ("node_limit", NODES_MAX), ("fanout_limit", FANOUT_MAX)):
        checks.require(0 <= getattr(request, name) <= limit, f"{name} must be between 0 and {limit}")
    checks.require(request.direction in (0, *Direction), "direction is not one that is known")
    unknown_kinds = sorted(set(request.edges) - _KINDS)
    checks.require(not unknown_kinds, f"edges of kind {unknown_kinds[:1]} cannot be followed")
    namespace = call.scope().namespace_filter
    within = Within(*_parsed("within", request.within, (RUN, EXPERIMENT))) if request.within else None

    async def read(tx: ReadTx) -> tuple[Found, list[Cut], dict[str, str]]:
        begin = _Starts(tx, namespace, request)
        for kind, id in starts:
            await begin.add(kind, id)
        await begin.check_seen()
        if within is not None:
            await begin.check_group(within.kind, within.id)
        question = Question(
            tasks=list(begin.tasks),
            artifacts=list(begin.artifacts),
            direction=Direction(request.direction or Direction.BOTH),
            kinds=frozenset(map(EdgeKind, request.edges)) or _BY_DEFAULT,
            hops=request.hops or HOPS_DEFAULT,
            node_limit=request.node_limit or NODES_DEFAULT,
            fanout_limit=request.fanout_limit or FANOUT_DEFAULT,
            groups=request.groups,
            cached=request.cached,
            within=within,
            namespace=namespace,
        )
        found = await walk(tx, question)
        return found, begin.cuts, await _run_names(tx, found, namespace) if request.run_names else {}

    found, cuts, run_names = await call.store.read(read)
    return await _message(found, cuts, run_names)


async def _run_names(tx: ReadTx, found: Found, namespace: str | None) -> dict[str, str]:
    """Return the names of the runs of the tasks that were found, as far as the caller may see them."""
    parts = (ref.partition("/") for ref in found.graph.depths)
    tasks = (found.nodes.task(id) for kind, _, id in parts if kind == TASK)
    run_ids = dict.fromkeys(task.run_id for task in tasks if task is not None)
    runs = await tx.search.runs_by_id(list(run_ids)) if run_ids else {}
    return {id: run.display_name for id, run in runs.items() if namespace in (None, run.namespace)}


def _parsed(field: str, ref: str, kinds: Iterable[str]) -> tuple[str, str]:
    kind, slash, id = ref.partition("/")
    if not slash or kind not in kinds or not id:
        forms = ", ".join(f"{each}/…" for each in kinds)
        raise InvalidArgument(f"{field} must be one of {forms}", field=field)
    checks.no_nul(field, id)
    return kind, id


class _Starts:
    """The tasks and artifacts that a walk begins with; those that the caller may not see do not exist for it."""

    def __init__(self, tx: ReadTx, namespace: str | None, request: lineage_pb2.GetLineageRequest) -> None:
        self._tx, self._namespace, self._request = tx, namespace, request
        self.tasks: dict[str, None] = {}
        self.artifacts: dict[str, None] = {}
        self.cuts: list[Cut] = []

    async def add(self, kind: str, id: str) -> None:
        """Add a start. Raises NotFound for a run that does not exist, and for a uri that no artifact has."""
        if kind == TASK:
            self.tasks[id] = None
        elif kind == ARTIFACT:
            self.artifacts[id] = None
        elif kind == RUN:
            await self._add_run(id)
        else:
            await self._add_uri(id)

    async def check_seen(self) -> None:
        """Raise NotFound for a task or an artifact that does not exist, or that the caller may not see."""
        nodes = Nodes(self._tx.lineage, self._namespace, None)
        await nodes.tasks([id for id in self.tasks if can_be_id(id)])
        await nodes.artifacts([id for id in self.artifacts if can_be_id(id)])
        for id in self.tasks:
            if nodes.task(id) is None:
                raise checks.not_found("task", id)
        for id in self.artifacts:
            if nodes.artifact(id) is None:
                raise checks.not_found("artifact", id)

    async def check_group(self, kind: str, id: str) -> None:
        """Raise NotFound for a run or an experiment that does not exist, or that the caller may not see."""
        try:
            checks.known_id(kind, id)
            row = await (self._tx.runs.head(id) if kind == RUN else self._tx.experiments.get(id))
        except RowNotFound:
            raise checks.not_found(kind, id) from None
        if self._namespace not in (None, row.namespace):
            raise checks.not_found(kind, id)

    async def _add_run(self, run_id: str) -> None:
        await self.check_group(RUN, run_id)
        limit = self._request.node_limit or NODES_DEFAULT
        types = [each.value for each in (TaskType if self._request.groups else DOERS)]
        ids = await self._tx.lineage.tasks_of_run(run_id, types=types, limit=limit + 1)
        self._cut_if(len(ids) > limit, f"{RUN}/{run_id}")
        self.tasks |= dict.fromkeys(ids[:limit])

    async def _add_uri(self, uri: str) -> None:
        found = await self._tx.lineage.at_uri(text_digest(uri), self._namespace, limit=URI_ARTIFACTS_MAX + 1)
        if not found:
            raise NotFound(f"no artifact has the uri {uri[:200]!r}")
        self._cut_if(len(found) > URI_ARTIFACTS_MAX, f"{URI}/{uri}")
        self.artifacts |= dict.fromkeys(artifact.id for artifact in found[:URI_ARTIFACTS_MAX])

    def _cut_if(self, is_cut: bool, at: str) -> None:
        if is_cut:
            self.cuts.append(Cut(at, Direction(self._request.direction or Direction.BOTH), Reason.NODES))


async def _message(found: Found, cuts: list[Cut], run_names: Mapping[str, str]) -> lineage_pb2.Lineage:
    graph, answer = found.graph, lineage_pb2.Lineage()
    runs = await _runs_of_artifacts(found)

    def write_node(item: tuple[str, int]) -> None:
        ref, depth = item
        kind, _, id = ref.partition("/")
        node = answer.nodes.add(ref=ref, depth=depth)
        if kind == TASK:
            write_task(found.nodes.task(id), node)
        else:
            write_artifact(found.nodes.artifact(id), runs.get(ref, ""), node)
        node.run_name = run_names.get(node.run.partition("/")[2], "")

    await in_slices(sorted(graph.depths.items(), key=lambda item: (item[1], item[0])), write_node)
    await in_slices(graph.edges, lambda edge: _write_edge(edge, answer.edges.add()))
    for cut in (*cuts, *graph.cuts):
        answer.cuts.add(at=cut.at, direction=int(cut.direction), reason=int(cut.reason))
    return answer


async def _runs_of_artifacts(found: Found) -> dict[str, str]:
    """The run in which an artifact was made, as far as it was walked, else one in which it was used."""
    made: dict[str, str] = {}
    used: dict[str, str] = {}

    def note(edge: Edge) -> None:
        if edge.kind not in (EdgeKind.OUTPUT, EdgeKind.INPUT):
            return
        is_output = edge.kind is EdgeKind.OUTPUT
        artifact, task = (edge.target, edge.source) if is_output else (edge.source, edge.target)
        node = found.nodes.task(task.partition("/")[2])
        if node is not None:
            (made if is_output else used).setdefault(artifact, node.run_id)

    await in_slices(found.graph.edges, note)
    return used | made


def _write_edge(edge: Edge, target: lineage_pb2.Edge) -> None:
    target.source, target.target, target.key = edge.source, edge.target, edge.key
    target.kind = edge.kind.value  # type: ignore[assignment]  # the stub knows enums only
    if edge.iteration is not None:
        target.iteration = edge.iteration
    target.cached, target.group = edge.cached, edge.group
