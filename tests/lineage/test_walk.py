"""The walk: what made an artifact, and what came of it."""

import itertools

from server.rules.lineage.graph import Direction
from storage.model import IOType, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.lineage.world import World

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


async def test_a_chain_is_walked_to_both_ends(store: SqlStore) -> None:
    world = World()
    world.task("load", makes=["data"])
    world.task("train", takes=["data"], makes=["model"], run="another run")
    world.task("test", takes=["model"], makes=["score"], run="a third run")
    world.task("other", takes=["unrelated"], makes=["things"])
    await world.keep(store)
    chain = ["load", "data", "train", "model", "test", "score"]
    found = await world.ask(store, "train")
    assert found.depths == {name: depth for depth, name in enumerate(chain, start=-2)}
    assert found.edges == set(itertools.pairwise(chain))
    assert found.cuts == set()
    up = await world.ask(store, "model", direction=UP)
    assert up.depths == {"model": 0, "train": -1, "data": -2, "load": -3}
    down = await world.ask(store, "data", direction=DOWN)
    assert down.depths == {"data": 0, "train": 1, "model": 2, "test": 3, "score": 4}


async def test_a_diamond_has_each_node_once(store: SqlStore) -> None:
    world = World()
    world.task("split", takes=["data"], makes=["left", "right"])
    world.task("a", takes=["left"], makes=["a-out"])
    world.task("b", takes=["right"], makes=["b-out"])
    world.task("join", takes=["a-out", "b-out"], makes=["model"])
    await world.keep(store)
    found = await world.ask(store, "model", direction=UP)
    assert found.tasks == {"join", "a", "b", "split"}
    assert len(found.edges) == 10
    assert found.depths["split"] == -5
    assert found.cuts == set()


async def test_a_cycle_comes_to_an_end(store: SqlStore) -> None:
    world = World()
    world.task("a", takes=["x"], makes=["y"])
    world.task("b", takes=["y"], makes=["x"])
    await world.keep(store)
    found = await world.ask(store, "x", hops=50)
    assert found.tasks == {"a", "b"}
    assert len(found.edges) == 4
    assert found.cuts == set()


async def test_groups_repeat_what_their_tasks_take_and_make(store: SqlStore) -> None:
    world = World()
    world.task("root", type=TaskType.ROOT, takes=["data"], makes=["model", "given"])
    world.task("dag", type=TaskType.DAG, takes=["data"], makes=["model"])
    world.task("train", takes=["data"], makes=["model"])
    await world.keep(store)
    found = await world.ask(store, "model", direction=UP)
    assert (found.tasks, found.artifacts) == ({"train"}, {"model", "data"})
    assert (await world.ask(store, "data", direction=DOWN)).tasks == {"train"}
    stands_in = await world.ask(store, "given", direction=UP)
    assert (stands_in.tasks, stands_in.artifacts) == ({"root"}, {"given", "data"})
    shown = await world.ask(store, "model", direction=UP, groups=True)
    assert shown.tasks == {"train", "dag", "root"}
    assert {(edge.key, edge.group) for edge in shown.found.graph.edges} == {("out", True), ("out", False)}


async def test_cached_tasks_are_not_who_made_an_artifact(store: SqlStore) -> None:
    world = World()
    world.task("train", takes=["data"], makes=["model"])
    world.task("again", takes=["data"], makes=["model"], state=TaskState.CACHED, run="second")
    world.task("test", takes=["model"], makes=["score"], run="second")
    await world.keep(store)
    assert (await world.ask(store, "score", direction=UP)).tasks == {"test", "train"}
    down = await world.ask(store, "data", direction=DOWN)
    assert down.tasks == {"train", "again", "test"}
    assert down.cuts == {("again", "CACHED")}
    started = await world.ask(store, "again", direction=UP)
    assert started.artifacts == {"data"}
    followed = await world.ask(store, "score", direction=UP, cached=True)
    assert followed.tasks == {"test", "train", "again"}


async def test_an_importer_is_a_producer_only_when_no_other_task_is(store: SqlStore) -> None:
    world = World()
    world.task("import", makes=["made", "found"], type=TaskType.IMPORTER)
    world.task("train", makes=["made"])
    await world.keep(store)
    assert (await world.ask(store, "made", direction=UP)).tasks == {"train"}
    assert (await world.ask(store, "found", direction=UP)).tasks == {"import"}


async def test_a_uri_that_is_overwritten_has_versions_in_time(store: SqlStore) -> None:
    world, uri = World(), "s3://bucket/data"
    for number, at in (("first", 10), ("second", 30)):
        world.artifact(number, uri=uri, at=at)
        world.task(f"write-{number}", makes=[number])
    for number, at in (("early", 5), ("between", 20), ("late", 40)):
        world.artifact(number, uri=uri, at=at)
        world.task(f"import-{number}", makes=[number], type=TaskType.IMPORTER, run="reading")
        world.task(f"use-{number}", takes=[number], run="reading")
    await world.keep(store)
    between = await world.ask(store, "use-between", direction=UP)
    assert between.tasks == {"use-between", "import-between", "write-first"}
    assert ("first", "between") in between.edges
    late = await world.ask(store, "late", direction=UP)
    assert late.tasks == {"import-late", "write-second"}
    assert (await world.ask(store, "early", direction=UP)).tasks == {"import-early"}
    down = await world.ask(store, "first", direction=DOWN)
    assert down.artifacts == {"first", "between"}
    assert down.tasks == {"use-between"}
    assert (await world.ask(store, "write-second", direction=DOWN)).artifacts == {"second", "late"}


async def test_collected_lists_lead_to_all_iterations(store: SqlStore) -> None:
    world = World()
    for number in range(3):
        world.task(f"fit-{number}")
        world.link(f"fit-{number}", f"model-{number}", IOType.ITERATOR_OUTPUT, iteration=number)
    world.task("pick", makes=["best"])
    for number in range(3):
        world.link("pick", f"model-{number}", IOType.COLLECTED_INPUTS, key="models", iteration=number)
    await world.keep(store)
    found = await world.ask(store, "best", direction=UP)
    assert found.tasks == {"pick", "fit-0", "fit-1", "fit-2"}
    assert {edge.iteration for edge in found.found.graph.edges if edge.key == "models"} == {0, 1, 2}


async def test_each_bound_leaves_a_cut(store: SqlStore) -> None:
    world = World()
    world.task("load", makes=["data"])
    for number in range(6):
        world.task(f"train-{number}", takes=["data"], makes=[f"model-{number}"])
        world.task(f"test-{number}", takes=[f"model-{number}"], makes=[f"score-{number}"])
    await world.keep(store)
    hops = await world.ask(store, "data", direction=DOWN, hops=1)
    assert hops.artifacts == {"data", *(f"model-{number}" for number in range(6))}
    assert hops.cuts == {(f"model-{number}", "HOPS") for number in range(6)}
    whole = await world.ask(store, "data", direction=DOWN, hops=2)
    assert (len(whole.tasks), whole.cuts) == (12, set())
    fanout = await world.ask(store, "data", direction=DOWN, fanout_limit=2)
    assert fanout.tasks == {"train-0", "train-1", "test-0", "test-1"}
    assert fanout.cuts == {("data", "FANOUT")}
    nodes = await world.ask(store, "data", direction=DOWN, node_limit=3)
    assert nodes.tasks | nodes.artifacts == {"data", "train-0", "train-1"}
    assert nodes.cuts == {("data", "NODES"), ("train-0", "NODES"), ("train-1", "NODES")}
    late = await world.ask(store, "data", seconds=0.0)
    assert late.cuts == {("data", "TIME")}
