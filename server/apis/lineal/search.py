"""LineageService.Search: from a query in a request to a page of nodes."""

from lineal.v1 import lineage_pb2

from server.apis.lineal.nodes import write_artifact, write_experiment, write_run, write_task
from server.calls.call import Call
from server.rules import checks
from server.rules.lineage.graph import ARTIFACT, RUN, TASK
from server.rules.search.look import KINDS, START, Found, look
from server.rules.search.matching import Node, Question, kind_of, runs_of_artifacts
from server.rules.search.query import Query, parse
from server.rules.search.times import moment_of
from storage.contract import ReadTx
from storage.lineage import ArtifactNode, ExperimentNode, RunNode

PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX = 20, 200
"""How many nodes a page has."""

_LIST = "lineage search"
_FIRST_TIME, _LAST_TIME = -(2**62), 2**62


async def search(call: Call, request: lineage_pb2.SearchRequest) -> lineage_pb2.SearchResponse:
    """Return the next page of what a query means, as far as the caller may see it."""
    query = parse(request.query)
    kinds = list(dict.fromkeys(request.kinds))
    unknown = [kind for kind in kinds if kind not in KINDS]
    checks.require(not unknown, f"kinds must be of {', '.join(KINDS)}")
    checks.require(0 <= request.page_size <= PAGE_SIZE_MAX, f"page_size must be between 0 and {PAGE_SIZE_MAX}")
    checks.no_nul("namespace", request.namespace)
    allowed = call.scope().namespace_filter
    namespace = allowed if allowed is not None else request.namespace or None
    scope = [request.query, sorted(kinds), namespace]
    position = call.tokens.resolve_position(request.page_token, _LIST, scope) if request.page_token else START
    question = Question(
        query=query,
        kinds=frozenset(kinds or KINDS),
        named=frozenset(kinds) or _named_by_default(query),
        namespace=namespace,
        since=_moment(query.since, _FIRST_TIME, now=call.now(), is_end=False),
        until=_moment(query.until, _LAST_TIME, now=call.now(), is_end=True),
    )
    page_size = request.page_size or PAGE_SIZE_DEFAULT

    async def read(tx: ReadTx) -> tuple[Found, dict[str, list[str]]]:
        found = await look(tx, question, position, page_size=page_size)
        ids = [node.id for node in found.nodes if isinstance(node, ArtifactNode)]
        return found, await runs_of_artifacts(tx, ids) if ids else {}

    found, runs = await call.store.read(read)
    answer = lineage_pb2.SearchResponse(complete=found.next is None)
    for node in found.nodes:
        _write(node, runs.get(node.id, []), answer.nodes.add(ref=f"{kind_of(node)}/{node.id}"))
    if found.next is not None:
        answer.next_page_token = call.tokens.issue_position(_LIST, scope, found.next)
    return answer


def _named_by_default(query: Query) -> frozenset[str]:
    """Return whose names are looked through for a request that does not say it.

    Without words it is what the qualifiers are of; tasks are looked at where a qualifier says in which runs.
    """
    if query.type is not None:
        return frozenset({ARTIFACT})
    if not query.words:
        return frozenset({RUN})
    return frozenset(KINDS) if query.is_of_runs else frozenset(KINDS) - {TASK}


def _moment(text: str, default: int, *, now: int, is_end: bool) -> int:
    moment = moment_of(text, now=now, is_end=is_end) if text else None
    return default if moment is None else max(_FIRST_TIME, min(moment, _LAST_TIME))


def _write(node: Node, runs: list[str], target: lineage_pb2.Node) -> None:
    if isinstance(node, ArtifactNode):
        write_artifact(node, runs[0] if runs else "", target)
    elif isinstance(node, RunNode):
        write_run(node, target)
    elif isinstance(node, ExperimentNode):
        write_experiment(node, target)
    else:
        write_task(node, target)
