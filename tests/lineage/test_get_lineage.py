"""GetLineage over gRPC and REST: where a walk may begin, what is refused, and who sees what."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any
from urllib.parse import urlencode

import pytest
from lineal.v1 import lineage_pb2

from server.apis.lineal import lineage
from server.app import APIS
from server.calls.authority import SingleUser
from server.calls.call import Shared
from server.calls.caller import Caller, Identity, Scope
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.calls.namespaces import Request
from server.calls.policy import Rule
from server.config import Settings
from storage import slices
from storage.ids import new_id
from storage.model import ArtifactType, IOType, TaskState, TaskType
from storage.pages import PageTokens
from storage.sql.store import SqlStore
from tests.api.client import Api, refusal
from tests.api.service import serving
from tests.contract.builders import an_experiment, keep
from tests.lineage.world import World
from tests.rest.client import ask

pytestmark = pytest.mark.one_database

PATH = "/apis/lineal/v1/lineage"
UP, DOWN = lineage_pb2.UPSTREAM, lineage_pb2.DOWNSTREAM


@contextlib.asynccontextmanager
async def calling(url: str) -> AsyncIterator[tuple[Api, str]]:
    """A client of a server on a store, and the address of its REST door."""
    async with serving(url) as addresses:
        api = Api(addresses.grpc)
        yield api, addresses.rest
        await api.channel.close()


def a_world() -> World:
    """Two runs: one writes a file and trains on it, the other imports it and trains as well."""
    world, uri = World(), "s3://bucket/data"
    world.run("first", experiment_id="experiment-1")
    world.run("second", experiment_id="experiment-2")
    world.artifact("data", uri=uri, at=1, type=ArtifactType.Dataset.value)
    world.artifact("again", uri=uri, at=2, type=ArtifactType.Dataset.value)
    world.artifact("score", type=ArtifactType.Metric.value, number_value=0.5)
    world.task("root", type=TaskType.ROOT, makes=["model"], run="first")
    world.task("load", makes=["data"], run="first", finished_at=1_700_000_000_000_005)
    world.task("train", takes=["data"], makes=["model"], run="first")
    world.task("import", makes=["again"], type=TaskType.IMPORTER, run="second")
    world.task("retrain", takes=["again"], makes=["score"], run="second", state=TaskState.FAILED)
    return world


def refs(world: World, *names: str) -> list[str]:
    """The refs of tasks and artifacts by their names."""
    return [
        f"task/{world.tasks[name].id}" if name in world.tasks else f"artifact/{world.artifacts[name].id}"
        for name in names
    ]


def shown(world: World, answer: Any) -> dict[str, int]:
    """The nodes of an answer by their names, with their depths."""
    names = {ref: name for name in (*world.tasks, *world.artifacts) for ref in refs(world, name)}
    return {names[node.ref]: node.depth for node in answer.nodes}


async def test_nodes_and_edges_say_what_is_recorded(store: SqlStore, migrated_url: str) -> None:
    world = a_world()
    world.link("train", "model", IOType.ITERATOR_OUTPUT, key="last", iteration=4)
    await world.keep(store)
    async with calling(migrated_url) as (api, _):
        answer = await api.GetLineage(start=refs(world, "score"), direction=UP)
        by_name = {node.name: node for node in answer.nodes}
        assert shown(world, answer) == {"score": 0, "retrain": -1, "again": -2, "import": -3, "data": -3, "load": -4}
        assert [node.depth for node in answer.nodes] == [0, -1, -2, -3, -3, -4][::-1]
        score, retrain, load, data = (by_name[name] for name in ("score", "retrain", "load", "data"))
        first, second = (f"run/{world.runs[name].id}" for name in ("first", "second"))
        assert (score.type, score.number, score.run, score.origin) == ("Metric", 0.5, second, "kfp")
        assert (retrain.type, retrain.state, retrain.run) == ("RUNTIME", "FAILED", second)
        assert (data.type, data.uri, data.run) == ("Dataset", "s3://bucket/data", first)
        assert (load.created_at.seconds, load.finished_at.nanos) == (1_700_000_000, 5_000)
        assert not retrain.HasField("finished_at")
        assert not data.HasField("number")
        kinds = {(edge.source, edge.target): edge.kind for edge in answer.edges}
        assert kinds[data.ref, by_name["again"].ref] == lineage_pb2.SAME_AS
        assert kinds[by_name["again"].ref, retrain.ref] == lineage_pb2.INPUT
        assert list(answer.cuts) == []
        model = await api.GetLineage(start=refs(world, "model"), direction=UP, hops=1)
        of_iteration = {(edge.key, edge.iteration, edge.HasField("iteration")) for edge in model.edges}
        assert of_iteration == {("out", 0, False), ("last", 4, True)}
        (cut,) = model.cuts
        assert (cut.at, cut.direction, cut.reason) == (*refs(world, "data"), UP, lineage_pb2.Cut.HOPS)


async def test_a_walk_begins_at_tasks_artifacts_runs_and_uris(store: SqlStore, migrated_url: str) -> None:
    world = a_world()
    await world.keep(store)
    first = f"run/{world.runs['first'].id}"
    async with calling(migrated_url) as (api, _):
        of_task = shown(world, await api.GetLineage(start=refs(world, "train")))
        assert of_task == {"train": 0, "data": -1, "load": -2, "model": 1}
        of_artifact = shown(world, await api.GetLineage(start=refs(world, "model"), direction=UP))
        assert of_artifact == {"model": 0, "train": -1, "data": -2, "load": -3}
        of_run = shown(world, await api.GetLineage(start=[first], direction=UP))
        assert of_run == {"load": 0, "train": 0, "data": -1}
        with_groups = shown(world, await api.GetLineage(start=[first], direction=UP, groups=True))
        assert with_groups == {"root": 0, "load": 0, "train": 0, "data": -1}
        of_uri = shown(world, await api.GetLineage(start=["uri/s3://bucket/data"], direction=DOWN))
        assert of_uri == {"data": 0, "again": 0, "train": 1, "retrain": 1, "model": 2, "score": 2}
        twice = await api.GetLineage(start=[first, first, *refs(world, "load", "model")], direction=UP)
        assert shown(world, twice) == {"load": 0, "train": 0, "model": 0, "data": -1}


async def test_runs_and_uris_with_more_than_may_be_shown_leave_a_cut(store: SqlStore, migrated_url: str) -> None:
    world = World()
    for number in range(25):
        world.artifact(f"version-{number}", uri="s3://hot", at=number)
        world.task(f"write-{number}", makes=[f"version-{number}"])
    await world.keep(store)
    async with calling(migrated_url) as (api, _):
        of_uri = await api.GetLineage(start=["uri/s3://hot"], direction=UP)
        assert sum(node.depth == 0 for node in of_uri.nodes) == 20
        assert "version-4" not in shown(world, of_uri)
        assert ("uri/s3://hot", lineage_pb2.Cut.NODES) in {(cut.at, cut.reason) for cut in of_uri.cuts}
        run = f"run/{world.runs['run'].id}"
        of_run = await api.GetLineage(start=[run], node_limit=7)
        assert len(of_run.nodes) == 7
        assert (run, lineage_pb2.Cut.NODES) in {(cut.at, cut.reason) for cut in of_run.cuts}
        starts = refs(world, *(f"write-{number}" for number in range(3)))
        beyond = await api.GetLineage(start=starts, node_limit=2, direction=UP)
        assert {(cut.at, cut.reason) for cut in beyond.cuts} == {(starts[2], lineage_pb2.Cut.NODES)}


@pytest.mark.parametrize(
    "fields",
    [
        {"start": []},
        {"start": [""]},
        {"start": ["task"]},
        {"start": ["task/"]},
        {"start": ["model/7"]},
        {"start": ["experiment/7"]},
        {"start": ["uri/"]},
        {"start": ["uri/a\x00"]},
        {"start": ["artifact/\x00"]},
        {"start": [f"task/{number}" for number in range(21)]},
        {"hops": -1},
        {"hops": 51},
        {"node_limit": -1},
        {"node_limit": 5_001},
        {"fanout_limit": -5},
        {"fanout_limit": 501},
        {"fanout_limit": -(2**31)},
        {"direction": 4},
        {"direction": -1},
        {"edges": [1, 99]},
        {"edges": [0]},
        {"edges": [4]},
        {"within": "task/7"},
        {"within": "run"},
        {"within": "run/\x00"},
    ],
    ids=str,
)
async def test_bad_requests_are_invalid(api: Api, fields: dict[str, Any]) -> None:
    refused = await refusal(api.GetLineage(**{"start": [f"task/{new_id()}"]} | fields))
    assert refused.code == "INVALID_ARGUMENT"
    named = next(iter(fields)) if "\x00" in str(fields) else ""
    assert named in refused.message


@pytest.mark.parametrize("id", ["00000000-0000-0000-0000-00000000dead", "x" * 1000, "ü", "a/b", " "])
@pytest.mark.parametrize("kind", ["task", "artifact", "run", "uri"])
async def test_unknown_starts_are_not_found(api: Api, kind: str, id: str) -> None:
    refused = await refusal(api.GetLineage(start=[f"{kind}/{id}"]))
    assert refused.code == "NOT_FOUND"
    assert len(refused.message) < 300


@pytest.mark.parametrize("within", ["run/unknown", "experiment/unknown", "run/" + "x" * 1000])
async def test_an_unknown_run_or_experiment_to_stay_within_is_not_found(
    store: SqlStore, migrated_url: str, within: str
) -> None:
    world = a_world()
    await world.keep(store)
    async with calling(migrated_url) as (api, _):
        assert (await refusal(api.GetLineage(start=refs(world, "model"), within=within))).code == "NOT_FOUND"


async def test_a_walk_stays_within_a_run_or_an_experiment(store: SqlStore, migrated_url: str) -> None:
    world = a_world()
    await world.keep(store)
    await keep(store, an_experiment(id="experiment-2"))
    async with calling(migrated_url) as (api, _):
        for within in (f"run/{world.runs['second'].id}", "experiment/experiment-2"):
            answer = await api.GetLineage(start=refs(world, "score"), direction=UP, within=within)
            assert shown(world, answer).keys() == {"score", "retrain", "again", "import", "data", "load"}
            (cut,) = answer.cuts
            assert (cut.at, cut.reason) == (*refs(world, "load"), lineage_pb2.Cut.WITHIN)


async def test_over_rest_lists_are_repeated_and_enums_are_names_or_numbers(store: SqlStore, migrated_url: str) -> None:
    world = a_world()
    await world.keep(store)
    async with calling(migrated_url) as (api, rest):
        for direction, edges in (("UPSTREAM", ("INPUT", "OUTPUT")), ("1", ("1", "2"))):
            query = [*(("start", ref) for ref in refs(world, "score", "model")), ("direction", direction)]
            query += [("edges", edge) for edge in edges] + [("hops", "3"), ("node_limit", "9")]
            answer = await ask(rest, "GET", f"{PATH}?{urlencode(query)}")
            assert answer.status == 200, answer.body
            over_grpc = await api.GetLineage(
                start=refs(world, "score", "model"), direction=UP, edges=[1, 2], hops=3, node_limit=9
            )
            assert [node["ref"] for node in answer.json["nodes"]] == [node.ref for node in over_grpc.nodes]
            assert len(answer.json["edges"]) == len(over_grpc.edges) == 6
        of_uri = await ask(
            rest, "GET", f"{PATH}?{urlencode([('start', 'uri/s3://bucket/data'), ('direction', 'DOWNSTREAM')])}"
        )
        (score,) = [node for node in of_uri.json["nodes"] if node["name"] == "score"]
        assert (score["type"], score["number"], score["depth"]) == ("Metric", 0.5, 2)
        assert {edge["kind"] for edge in of_uri.json["edges"]} == {"INPUT", "OUTPUT", "SAME_AS"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("start=task/", 400),
        ("start=task/unknown", 404),
        ("start=task/unknown&hops=-1", 400),
        ("start=task/unknown&hops=many", 400),
        ("start=task/unknown&edges=NOTHING", 400),
        ("start=task/unknown&direction=SIDEWAYS", 400),
        ("start=uri/%00", 400),
    ],
)
async def test_over_rest_bad_requests_have_their_status(rest: str, query: str, status: int) -> None:
    answer = await ask(rest, "GET", f"{PATH}?{query}")
    assert answer.status == status, answer.body


class Confined(SingleUser):
    """Gives every call one namespace."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        return Scope(namespace=self.namespace, namespace_filter=self.namespace)


async def confined(store: SqlStore, url: str, namespace: str, **fields: Any) -> Any:
    """The outcome of GetLineage for a caller that may see one namespace."""
    (method,) = (m for api in APIS for m in api.served() if m.name == "LineageService.GetLineage")
    assert isinstance(method, Method)
    shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings(store=url))
    dispatcher = Dispatcher(shared, Confined(namespace))
    return await dispatcher.dispatch(method, method.request(**fields), Caller("test"))


def two_namespaces() -> World:
    """A chain that leaves a namespace and comes back."""
    world = World()
    for name in ("mine", "theirs"):
        world.run(name, namespace=name)
    world.artifact("secret", uri="s3://secret/data", namespace="theirs")
    world.artifact("copy", namespace="mine")
    world.artifact("model", namespace="mine")
    world.task("collect", makes=["secret"], run="theirs", namespace="theirs")
    world.task("share", takes=["secret"], makes=["copy"], run="theirs", namespace="theirs")
    world.task("train", takes=["copy"], makes=["model"], run="mine", namespace="mine")
    world.task("peek", takes=["model", "secret"], run="mine", namespace="mine")
    return world


async def test_nodes_come_with_the_names_of_their_runs_if_they_are_asked_for(
    store: SqlStore, migrated_url: str
) -> None:
    world = two_namespaces()
    world.task("guest", takes=["model"], run="theirs", namespace="mine")
    await world.keep(store)
    start = refs(world, "model")
    plain = (await confined(store, migrated_url, "mine", start=start)).answer
    assert {node.run_name for node in plain.nodes} == {""}
    named = (await confined(store, migrated_url, "mine", start=start, run_names=True)).answer
    names = {node.name: node.run_name for node in named.nodes}
    assert names == {"model": "mine", "train": "mine", "copy": "mine", "peek": "mine", "guest": "", "": ""}
    assert b"theirs" not in named.SerializeToString()


async def test_what_a_caller_may_not_see_is_hidden_and_not_followed(store: SqlStore, migrated_url: str) -> None:
    world = two_namespaces()
    await world.keep(store)
    answer = (await confined(store, migrated_url, "mine", start=refs(world, "peek"))).answer
    assert shown(world, answer) == {"peek": 0, "secret": -1, "model": -1, "train": -2, "copy": -3, "share": -4}
    nodes = {ref: node for node in answer.nodes for ref in [node.ref]}
    for ref in refs(world, "secret", "share"):
        assert nodes[ref] == lineage_pb2.Node(ref=ref, type="hidden", depth=nodes[ref].depth)
    cuts = {(cut.at, cut.reason) for cut in answer.cuts}
    assert cuts == {(ref, lineage_pb2.Cut.HIDDEN) for ref in refs(world, "secret", "share")}
    assert nodes[refs(world, "copy")[0]].run == f"run/{world.runs['mine'].id}"
    everything = (await confined(store, migrated_url, "theirs", start=refs(world, "secret"))).answer
    assert shown(world, everything).keys() == {"secret", "collect", "share", "copy", "peek"}
    assert b"peek" not in everything.SerializeToString()


async def test_starts_that_a_caller_may_not_see_do_not_exist_for_it(store: SqlStore, migrated_url: str) -> None:
    world = two_namespaces()
    await world.keep(store)
    starts = [*refs(world, "secret", "collect"), f"run/{world.runs['theirs'].id}", "uri/s3://secret/data"]
    for start in starts:
        outcome = await confined(store, migrated_url, "mine", start=[start])
        assert (outcome.answer, outcome.status.code) == (None, 5), start
        assert world.tasks["collect"].id not in outcome.status.message or start.startswith("task/")
    outside = f"run/{world.runs['theirs'].id}"
    within = await confined(store, migrated_url, "mine", start=refs(world, "model"), within=outside)
    assert (within.answer, within.status.code) == (None, 5)


async def test_a_deep_and_wide_graph_is_answered_within_its_bounds(store: SqlStore, migrated_url: str) -> None:
    world = World()
    world.task("task-0", makes=["thing-0"])
    for number in range(1, 300):
        world.task(f"task-{number}", takes=[f"thing-{number - 1}"], makes=[f"thing-{number}"])
        world.task(f"leaf-{number}", takes=["thing-0"])
    await world.keep(store)
    async with calling(migrated_url) as (api, _):
        deep = await api.GetLineage(start=refs(world, "thing-299"), direction=UP, hops=50, node_limit=5_000)
        assert len(deep.nodes) == 101
        assert [cut.reason for cut in deep.cuts] == [lineage_pb2.Cut.HOPS]
        wide = await api.GetLineage(start=refs(world, "thing-0"), direction=DOWN, hops=1, fanout_limit=200)
        assert sum(node.depth == 1 for node in wide.nodes) == 200
        assert lineage_pb2.Cut.FANOUT in [cut.reason for cut in wide.cuts]
        few = await api.GetLineage(start=refs(world, "thing-150"), node_limit=20)
        assert len(few.nodes) == 20
        assert lineage_pb2.Cut.NODES in [cut.reason for cut in few.cuts]


async def test_others_are_answered_while_a_large_walk_is_written(
    store: SqlStore, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    for number in range(200):
        world.task(f"use-{number}", takes=["data"], makes=[f"model-{number}"])
    await world.keep(store)
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    lengths: list[int] = []

    async def noting(items: Iterable[Any], work: Callable[[Any], object]) -> None:
        lengths.append(len(list(items)))
        turns_before = turns
        await slices.in_slices(items, work)
        assert turns - turns_before >= lengths[-1] - 1

    monkeypatch.setattr(lineage, "in_slices", noting)
    async with calling(migrated_url) as (api, _):
        large = asyncio.ensure_future(api.GetLineage(start=refs(world, "data"), fanout_limit=500))
        turns = 0
        while not large.done():
            await asyncio.sleep(0)
            turns += 1
        answer = await large
    # The runs of the nodes, the nodes, the edges: each of them is a slice.
    assert lengths == [len(answer.edges), len(answer.nodes), len(answer.edges)]
    assert len(answer.nodes) == 401
