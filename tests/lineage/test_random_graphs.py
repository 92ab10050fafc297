"""Random graphs: the walk finds what the walk in plain Python finds, and every bound that kept it from that has left a cut."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.rules.lineage.graph import Direction
from storage.ids import new_id
from storage.model import IOType, TaskState, TaskType
from storage.sql.store import SqlStore
from tests.lineage.naive import Naive
from tests.lineage.world import World

ROUNDS = 40
SIZE = 5

tasks = st.tuples(
    st.sampled_from([*[TaskType.RUNTIME] * 5, *[TaskType.IMPORTER] * 3, *TaskType]),
    st.sampled_from([TaskState.SUCCEEDED, TaskState.SUCCEEDED, TaskState.CACHED, TaskState.FAILED]),
)
artifacts = st.tuples(
    st.sampled_from([1, 2, 3, 6]),
    st.sampled_from(["", "a", "a", "b"]),
    st.integers(0, 4),
    st.sampled_from(["", "", "n"]),
)
link_types = st.sampled_from([*[IOType.OUTPUT] * 6, *[IOType.COMPONENT_INPUT] * 4, *IOType])
links = st.sets(
    st.tuples(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1), link_types), min_size=2 * SIZE, max_size=25
)


def a_world(made_tasks: list[Any], made_artifacts: list[Any], made_links: set[Any]) -> World:
    """A world of these, at uris of its own."""
    world, place = World(), new_id()
    for number, (type, state) in enumerate(made_tasks):
        world.task(f"t{number}", type=type, state=state, run=f"run-{number % 2}")
    for number, (type, uri, at, namespace) in enumerate(made_artifacts):
        world.artifact(f"a{number}", type=type, uri=f"s3://{place}/{uri}" if uri else "", at=at, namespace=namespace)
    for task, artifact, type in sorted(made_links):
        world.link(f"t{task}", f"a{artifact}", type)
    return world


@settings(
    max_examples=ROUNDS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(tasks, min_size=SIZE, max_size=SIZE),
    st.lists(artifacts, min_size=SIZE, max_size=SIZE),
    links,
    st.sampled_from([Direction.UPSTREAM, Direction.DOWNSTREAM]),
    st.integers(1, 4),
    st.integers(1, 9),
)
async def test_a_walk_finds_what_one_in_plain_python_finds(
    store: SqlStore,
    made_tasks: list[Any],
    made_artifacts: list[Any],
    made_links: set[Any],
    direction: Direction,
    hops: int,
    limit: int,
) -> None:
    world = a_world(made_tasks, made_artifacts, made_links)
    await world.keep(store)
    is_up = direction is Direction.UPSTREAM
    for start in ("a0", "a1", "t0"):
        naive = Naive(world, is_up).walk(start)
        expected = {name: -distance if is_up else distance for name, distance in naive.distances.items()}
        found = await world.ask(store, start, direction=direction, hops=50)
        assert found.depths == expected
        assert found.edges == naive.edges
        assert found.cuts == {(name, "CACHED") for name in naive.cached - {start}}
        for bounds in ({"hops": hops}, {"node_limit": limit}, {"fanout_limit": limit}):
            bounded = await world.ask(store, start, direction=direction, **{"hops": 50, **bounds})
            assert bounded.depths.keys() <= expected.keys()
            assert bounded.edges <= naive.edges
            assert len(bounded.depths) <= bounds.get("node_limit", len(expected))
            whole = {reason for _, reason in bounded.cuts} <= {"CACHED"}
            assert not whole or (bounded.depths, bounded.edges) == (expected, naive.edges)
