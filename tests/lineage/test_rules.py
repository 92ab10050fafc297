"""The seven rules of docs/lineage.md, one by one, and what happens at their edges."""

import asyncio
import itertools
import threading
from dataclasses import replace
from types import SimpleNamespace

import pytest
from sqlalchemy import delete

from server.rules.lineage import walk as walk_module
from server.rules.lineage.graph import Direction, EdgeKind
from server.rules.lineage.nodes import Within
from server.rules.lineage.versions import URI_ARTIFACTS_MAX
from server.rules.lineage.walk import LINKS_AT_FIRST, walk
from storage.model import ArtifactType, IOType, TaskState, TaskType
from storage.sql import tables
from storage.sql.store import SqlStore
from tests.contract.watching import statements
from tests.lineage.test_parameters import Run, an_output, from_task
from tests.lineage.world import BY_DEFAULT, World

pytestmark = pytest.mark.one_database

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
GROUPS = (
    TaskType.ROOT,
    TaskType.CONDITION_BRANCH,
    TaskType.CONDITION,
    TaskType.LOOP,
    TaskType.EXIT_HANDLER,
    TaskType.DAG,
)


@pytest.mark.parametrize("type", GROUPS)
async def test_rule_1_groups(store: SqlStore, type: TaskType) -> None:
    world = World()
    world.task("group", type=type, takes=["data", "only taken"], makes=["model", "only made"])
    world.task("doer", type=TaskType.TASK_TYPE_UNSPECIFIED, takes=["data"], makes=["model"])
    # The direction counts: a doer that takes an artifact does not keep the group that made it from standing in.
    world.task("other", takes=["only made"])
    await world.keep(store)
    assert (await world.ask(store, "model", direction=UP)).tasks == {"doer"}
    assert (await world.ask(store, "data", direction=DOWN)).tasks == {"doer"}
    assert (await world.ask(store, "only made", direction=UP)).tasks == {"group"}
    assert (await world.ask(store, "only taken", direction=DOWN)).artifacts == {"only taken", "model", "only made"}
    shown = await world.ask(store, "model", direction=UP, groups=True)
    assert (shown.tasks, shown.artifacts) == ({"doer", "group"}, {"model", "data"})
    assert {edge.group for edge in shown.found.graph.edges if edge.target.startswith("artifact/")} == {True, False}


async def test_tasks_and_links_of_a_type_that_is_not_known_are_groups_and_inputs(store: SqlStore) -> None:
    world = World()
    world.task("new", makes=["model", "own"], takes=["data"])
    world.task("train", makes=["model"])
    world.tasks["new"] = replace(world.tasks["new"], type=99)
    world.links.append(replace(world.links[-1], id="odd", type=77))
    await world.keep(store)
    assert (await world.ask(store, "model", direction=UP)).tasks == {"train"}
    assert (await world.ask(store, "own", direction=UP)).artifacts == {"own", "data"}
    assert (await world.ask(store, "train", direction=UP)).artifacts == {"model"}


async def test_rule_2_cached_tasks(store: SqlStore) -> None:
    world = World()
    for run, state in (("first", TaskState.SUCCEEDED), ("second", TaskState.CACHED), ("third", TaskState.CACHED)):
        world.task(f"load-{run}", makes=["data"], state=state, run=run)
        world.task(f"train-{run}", takes=["data"], makes=["model"], state=state, run=run)
    world.task("found", takes=["data"], makes=["lost"], state=TaskState.CACHED, run="second")
    await world.keep(store)
    up = await world.ask(store, "model", direction=UP)
    assert (up.tasks, up.cuts) == ({"train-first", "load-first"}, set())
    down = await world.ask(store, "data", direction=DOWN)
    cached = {"train-second", "train-third", "found"}
    assert (down.tasks, down.cuts) == ({"train-first", *cached}, {(name, "CACHED") for name in cached})
    assert down.artifacts == {"data", "model"}
    assert {edge.cached for edge in down.found.graph.edges if edge.target.endswith(world.tasks["found"].id)} == {True}
    # As the start it is followed; its run was deleted, or its maker is not recorded: it stands in, but is not followed.
    assert (await world.ask(store, "train-second", direction=UP)).tasks == {"train-second", "load-first"}
    lost = await world.ask(store, "lost", direction=UP)
    assert (lost.tasks, lost.cuts) == ({"found"}, {("found", "CACHED")})
    asked = await world.ask(store, "lost", direction=UP, cached=True)
    assert asked.tasks == {"found", "load-first", "load-second", "load-third"}


async def test_rule_3_importers(store: SqlStore) -> None:
    world = World()
    world.artifact("written", uri="s3://b/x", at=1)
    world.task("write", makes=["written"], run="writing")
    world.artifact("read", uri="s3://b/x", at=2)
    for run in ("one", "two"):
        world.task(f"import-{run}", type=TaskType.IMPORTER, makes=["read", "written"], run=run)
    world.task("use", takes=["read"], run="two")
    await world.keep(store)
    found = await world.ask(store, "use", direction=UP)
    assert found.tasks == {"use", "import-one", "import-two", "write"}
    assert ("written", "read") in found.edges
    assert (await world.ask(store, "written", direction=UP)).tasks == {"write"}


async def test_rule_6_versions_of_a_uri(store: SqlStore) -> None:
    world, uri = World(), "s3://bucket/data"
    world.artifact("version", uri=uri, at=10)
    world.task("write", makes=["version"])
    for name, fields in (
        ("same moment", {"at": 10}),
        ("older", {"at": 9}),
        ("elsewhere", {"at": 11, "namespace": "other"}),
        ("metric", {"at": 11, "type": ArtifactType.Metric.value}),
        ("of a group", {"at": 12}),
        ("of a cached task", {"at": 13}),
        ("imported again", {"at": 14}),
    ):
        world.artifact(name, uri=uri, **fields)
    world.task("group", type=TaskType.DAG, makes=["of a group"])
    world.task("cached", state=TaskState.CACHED, makes=["of a cached task"])
    world.task("import", type=TaskType.IMPORTER, makes=["imported again"])
    await world.keep(store)
    readers = {"same moment", "of a group", "of a cached task", "imported again"}
    assert (await world.ask(store, "version", direction=DOWN)).artifacts == {"version", *readers}
    for name in ("same moment", "older", "elsewhere", "metric", *readers):
        assert ((await world.ask(store, name, direction=UP)).artifacts == {name, "version"}) == (name in readers)
    without = BY_DEFAULT - {EdgeKind.SAME_AS}
    assert (await world.ask(store, "imported again", direction=UP, kinds=without)).artifacts == {"imported again"}
    only = frozenset({EdgeKind.SAME_AS})
    assert (await world.ask(store, "version", direction=UP, kinds=only)).artifacts == {"version"}
    assert (await world.ask(store, "same moment", direction=UP, kinds=only)).artifacts == {"same moment", "version"}


@pytest.mark.parametrize("count", [URI_ARTIFACTS_MAX, URI_ARTIFACTS_MAX + 1])
async def test_more_versions_than_are_looked_at_leave_a_cut(store: SqlStore, count: int) -> None:
    world = World()
    world.artifact("version", uri="s3://hot", at=0)
    world.task("write", makes=["version"])
    for number in range(count):
        world.artifact(f"read-{number}", uri="s3://hot", at=number + 1)
    await world.keep(store)
    down = await world.ask(store, "version", direction=DOWN)
    assert len(down.artifacts) == 1 + URI_ARTIFACTS_MAX
    assert ("version", "FANOUT") in down.cuts
    last = await world.ask(store, f"read-{count - 1}", direction=UP)
    found = count <= URI_ARTIFACTS_MAX
    assert ("version" in last.artifacts, last.cuts) == (found, set() if found else {(f"read-{count - 1}", "FANOUT")})


def a_ladder(steps: int) -> World:
    """Tasks of two runs that make an artifact from another one, each used by one more task that makes nothing."""
    world = World()
    for number in range(steps):
        run = "even" if number % 2 == 0 else "odd"
        world.task(f"t{number}", takes=[f"a{number}"], makes=[f"a{number + 1}"], run=run, namespace=run)
        world.task(f"leaf{number}", takes=[f"a{number}"], run=run, namespace=run)
    return world


async def test_rule_7_each_bound_leaves_a_cut_with_its_reason(store: SqlStore) -> None:
    world = a_ladder(4)
    world.runs["even"] = replace(world.runs["even"], experiment_id="of-even")
    await world.keep(store)
    hops = await world.ask(store, "a4", direction=UP, hops=2)
    assert (hops.depths["a2"], hops.cuts) == (-4, {("a2", "HOPS")})
    nodes = await world.ask(store, "a4", direction=UP, node_limit=4)
    assert (set(nodes.depths), nodes.cuts) == ({"a4", "t3", "a3", "t2"}, {("t2", "NODES")})
    fanout = await world.ask(store, "a3", direction=DOWN, fanout_limit=1)
    assert fanout.cuts == {("a3", "FANOUT")}
    late = await world.ask(store, "a4", "t0", direction=UP, seconds=0.0)
    assert late.cuts == {("a4", "TIME"), ("t0", "TIME")}
    for within in (Within("run", world.runs["odd"].id), Within("experiment", world.runs["odd"].experiment_id)):
        found = await world.ask(store, "a4", direction=UP, within=within)
        assert (found.tasks, found.cuts) == ({"t3", "t2"}, {("t2", "WITHIN")})
    hidden = await world.ask(store, "t3", direction=DOWN, namespace="odd")
    assert (set(hidden.depths), hidden.cuts) == ({"t3", "a4"}, {("a4", "HIDDEN")})
    assert (await world.ask(store, "a4", direction=UP)).cuts == set()


async def test_time_that_is_up_leaves_cuts_wherever_the_walk_is(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run()
    run.add("rate", puts=[an_output("Output", 1, "rate")], makes=["r"])
    run.artifact("written", uri="s3://x", at=1)
    run.add("write", makes=["written"], takes=[from_task("n", 1, "rate")])
    for number in range(5):
        run.artifact(f"in-{number}", uri="s3://x", at=2 + number)
        run.link("write", f"also-{number}", IOType.COMPONENT_INPUT)
    run.add("train", makes=["model"])
    for number in range(5):
        run.link("train", f"in-{number}", IOType.COMPONENT_INPUT, key=f"k{number}")
    await run.keep(store)
    monkeypatch.setattr(walk_module, "ROWS_AT_ONCE", 1)
    monkeypatch.setattr(walk_module, "URIS_AT_ONCE", 1)
    kinds = BY_DEFAULT | {EdgeKind.PARAMETER}
    whole = await run.ask(store, "model", direction=Direction.BOTH, kinds=kinds)
    assert {"write", "rate", "written"} <= set(whole.depths)
    assert whole.cuts == set()
    sizes = set()
    for seconds in itertools.count(1):
        ticks = itertools.count(0)
        monkeypatch.setattr(walk_module, "time", SimpleNamespace(monotonic=lambda ticks=ticks: next(ticks)))
        found = await run.ask(store, "model", direction=Direction.BOTH, kinds=kinds, seconds=seconds)
        assert {reason for _, reason in found.cuts} <= {"TIME"}
        sizes.add(len(found.depths))
        if not found.cuts:
            break
        assert found.edges < whole.edges or found.depths == whole.depths
    assert (found.depths, found.edges) == (whole.depths, whole.edges)
    assert len(sizes) > 4


async def test_upstream_a_hop_takes_two_statements(store: SqlStore) -> None:
    world, width = World(), 30
    for step, number in itertools.product(range(6), range(width)):
        world.task(f"t{step}-{number}", takes=[f"a{step}-{number}"], makes=[f"a{step + 1}-{number}"])
    world.task("join", takes=[f"a6-{number}" for number in range(width)], makes=["model"])
    world.task("begin", makes=[f"a0-{number}" for number in range(width)])
    await world.keep(store)
    with statements(store) as log:
        found = await world.ask(store, "model", direction=UP, hops=7)
    assert (len(found.tasks), found.cuts) == (1 + 6 * width, {(f"a0-{number}", "HOPS") for number in range(width)})
    # And one that looks ahead, and two for what the nodes show.
    assert len(log) == 2 * 7 + 1 + 2
    with statements(store) as log:
        down = await world.ask(store, "begin", direction=DOWN, hops=8)
    assert (len(down.tasks), down.cuts) == (2 + 6 * width, set())
    # No uri has versions, so that only the artifacts are read for it; the start's outputs come first.
    assert len(log) <= 3 * 8 + 4


async def test_a_task_with_very_many_inputs_is_read_whole(store: SqlStore) -> None:
    world, count = World(), LINKS_AT_FIRST + 50
    world.task("join", makes=["model"])
    for number in range(count):
        world.link("join", f"part-{number}", IOType.COLLECTED_INPUTS, key="parts", iteration=number)
    await world.keep(store)
    found = await world.ask(store, "model", direction=UP)
    assert (len(found.artifacts), found.cuts) == (count + 1, set())
    few = await world.ask(store, "model", direction=UP, node_limit=LINKS_AT_FIRST)
    assert (len(few.depths), few.cuts) == (LINKS_AT_FIRST, {("join", "NODES")})


async def test_very_many_edges_between_few_nodes_leave_a_cut(store: SqlStore) -> None:
    world = World()
    world.task("train", makes=["model"])
    for number in range(60):
        world.link("train", "data", IOType.COMPONENT_INPUT, key=f"k{number:02}")
    await world.keep(store)
    assert (await world.ask(store, "train", direction=UP, node_limit=7)).cuts == set()
    found = await world.ask(store, "train", direction=UP, node_limit=3)
    assert (len(found.found.graph.edges), found.cuts) == (30, {("train", "NODES")})


async def test_depths_are_distances_also_where_edges_of_two_kinds_meet(store: SqlStore) -> None:
    run = Run()
    run.add("x", makes=["b"], puts=[an_output("Output", "x", "x")])
    run.add("a-maker", makes=["a"])
    run.link("a-maker", "b", IOType.COMPONENT_INPUT)
    run.add("p2", takes=[from_task("k", "x", "x")], puts=[an_output("Output", "p2", "p2")])
    run.add("p1", takes=[from_task("k", "p2", "p2")], puts=[an_output("Output", "p1", "p1")])
    run.add("train", takes=[from_task("k", "p1", "p1")], makes=["model"])
    run.link("train", "a", IOType.COMPONENT_INPUT)
    await run.keep(store)
    found = await run.ask(store, "model", direction=UP, kinds=BY_DEFAULT | {EdgeKind.PARAMETER})
    assert (found.depths["a-maker"], found.depths["b"], found.depths["p2"], found.depths["x"]) == (-3, -4, -3, -4)


async def test_what_is_deleted_while_it_is_walked_is_found_as_it_was(store: SqlStore, migrated_url: str) -> None:
    world = World()
    world.task("load", makes=["data"])
    world.task("train", takes=["data"], makes=["model"])
    await world.keep(store)

    async def delete_all() -> None:
        other = SqlStore(migrated_url)
        async with other.engines[0].begin() as connection:
            await connection.execute(delete(tables.tasks).where(tables.tasks.c.id == world.tasks["load"].id))
            await connection.execute(
                delete(tables.artifacts).where(tables.artifacts.c.id == world.artifacts["data"].id)
            )
        await other.close()

    before = await world.ask(store, "model", direction=UP)
    question = world.question("model", direction=UP)

    async def read(tx: object) -> object:
        await tx.lineage.producers([world.artifacts["model"].id], per_artifact=1)  # type: ignore[attr-defined]
        thread = threading.Thread(target=lambda: asyncio.run(delete_all()))
        thread.start()
        thread.join()
        return await walk(tx, question, seconds=60.0)  # type: ignore[arg-type]

    found = world.answer(await store.read(read))  # type: ignore[arg-type]
    assert (found.depths, found.edges) == (before.depths, before.edges)
    after = await world.ask(store, "model", direction=UP)
    assert (after.depths, after.cuts) == ({"model": 0, "train": -1}, set())
