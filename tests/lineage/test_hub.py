"""Artifacts with a hundred thousand links, and a uri with as many versions: what a walk reads does not grow with them."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Iterator
from functools import cache

import pytest
from sqlalchemy import func, insert, literal, select

from migrations.upgrade import upgrade
from server.rules.lineage.graph import Direction
from storage.model import IOType
from storage.sql import tables
from storage.sql.store import SqlStore
from tests.contract.plans import counted_store, explain
from tests.contract.watching import Statement, statements
from tests.databases import create_migrated_database, drop_database
from tests.databases.session import current_session
from tests.lineage.world import World

pytestmark = pytest.mark.one_driver

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
USERS, KEYS = 400, 256
"""How many tasks have a hub as an input or an output, and under how many keys: 102,400 links."""

FOUND = 100
"""The square root of the number of artifacts that have one uri; as many have others."""

URI = "s3://bucket/overwritten"


def a_world() -> World:
    """What many used and one made; what one used and many made; and what many found at a uri that one wrote."""
    world = World()
    world.task("make-used", makes=["used"])
    world.task("use-made", takes=["made"], makes=["result"])
    world.artifact("written", uri=URI, at=-1)
    world.task("write", makes=["written"])
    world.artifact("last", uri=URI, at=FOUND + 1)
    world.task("read", takes=["last"])
    for number in range(USERS):
        world.task(f"user-{number}", run="crowd")
    for number in range(FOUND):
        world.artifact(f"found-{number}", uri=URI, at=number)
        world.artifact(f"other-{number}", uri=f"{URI}-{number}", at=number)
    return world


async def fill(url: str, world: World) -> None:
    """Keep the world, and make many of a few of its rows, within the database."""
    store = SqlStore(url)
    await world.keep(store)
    tasks, artifacts, links = tables.tasks, tables.artifacts, tables.artifact_tasks
    async with store.engines[0].begin() as connection:
        other = artifacts.alias("other")
        columns = [column for column in artifacts.columns if column.name != "id"]
        ids = artifacts.c.id + literal("/") + func.substr(other.c.id, 20)
        for kind in ("found-%", "other-%"):
            twice = artifacts.join(other, artifacts.c.name.like(kind) & other.c.name.like(kind))
            rows = select(ids, *columns).select_from(twice)
            await connection.execute(insert(artifacts).from_select(["id", *(column.name for column in columns)], rows))
        keys = tasks.alias("keys")
        is_key = keys.c.id.in_([world.tasks[f"user-{number}"].id for number in range(KEYS)])
        for name, type in (("used", IOType.COMPONENT_INPUT), ("made", IOType.OUTPUT)):
            values = {
                "id": literal(f"{name}-") + keys.c.id + literal("-") + tasks.c.id,
                "artifact_id": literal(world.artifacts[name].id),
                "task_id": tasks.c.id,
                "run_id": tasks.c.run_id,
                "type": literal(type.value),
                "key": keys.c.id,
                "iteration": literal(-1),
                "producer": literal("{}"),
            }
            crowd = tasks.join(keys, (tasks.c.run_id == world.runs["crowd"].id) & is_key)
            await connection.execute(
                insert(links).from_select(list(values), select(*values.values()).select_from(crowd))
            )
    await store.close()


@cache
def shared_world() -> World:
    """The world that all processes of the session know: their databases are copies of what one of them has filled."""
    world: World = pickle.loads(bytes.fromhex(current_session().once("hubs", lambda: pickle.dumps(a_world()).hex())))
    return world


@pytest.fixture(scope="module")
def busy_url(database_kind: str) -> Iterator[str]:
    """A database for all tests of this file, which only read."""

    def upgrade_and_fill(url: str) -> None:
        upgrade(url)
        asyncio.run(fill(url, shared_world()))

    url = create_migrated_database(database_kind, upgrade=upgrade_and_fill)
    yield url
    drop_database(url)


@pytest.fixture
async def busy_store(busy_url: str) -> AsyncIterator[SqlStore]:
    """A store that the database has counted."""
    async with counted_store(busy_url) as store:
        yield store


async def walked(
    store: SqlStore, start: str, direction: Direction, *, hops: int = 2
) -> tuple[set[str], set[tuple[str, str]], list[Statement]]:
    """Nodes that have a name, cuts, and the statements; fails when very much is found."""
    with statements(store) as log:
        found = await shared_world().ask(store, start, direction=direction, hops=hops)
    assert len(found.depths) <= 110
    return {name for name in found.depths if "/" not in name}, found.cuts, log


async def test_a_hub_that_many_used_is_walked_within_bounds(busy_store: SqlStore) -> None:
    _, cuts, _ = await walked(busy_store, "used", DOWN, hops=1)
    assert ("used", "FANOUT") in cuts
    names, cuts, log = await walked(busy_store, "used", UP)
    assert (names, cuts) == ({"used", "make-used"}, set())
    producers = [statement for statement in log if " IN (8, 9, 10, 11, 101, 104, 106, 107)" in statement.text]
    plan = await explain(busy_store, producers[0])
    assert "artifact_tasks_producer" in plan.indexes, plan.shown


async def test_a_hub_that_many_made_is_walked_within_bounds(busy_store: SqlStore) -> None:
    _, cuts, log = await walked(busy_store, "result", UP)
    assert ("made", "FANOUT") in cuts
    producers = [statement for statement in log if " IN (8, 9, 10, 11, 101, 104, 106, 107)" in statement.text]
    plan = await explain(busy_store, producers[0])
    assert "artifact_tasks_producer" in plan.indexes, plan.shown
    assert not plan.sorts, plan.shown
    names, cuts, _ = await walked(busy_store, "made", DOWN)
    assert (names, cuts) == ({"made", "use-made", "result"}, set())


async def test_what_used_a_hub_is_read_along_its_index(busy_store: SqlStore) -> None:
    _, _, log = await walked(busy_store, "used", DOWN, hops=1)
    plan = await explain(busy_store, next(each for each in log if "NOT IN (8, 9, 10, 11, 101" in each.text))
    assert "artifact_tasks_artifact_id" in plan.indexes, plan.shown
    assert not plan.sorts, plan.shown


async def test_versions_of_a_uri_are_read_along_their_index(busy_store: SqlStore) -> None:
    names, cuts, up = await walked(busy_store, "read", UP)
    assert ({"read", "last"} <= names, cuts) == (True, {("last", "FANOUT")})
    names, cuts, down = await walked(busy_store, "write", DOWN, hops=1)
    assert ({"write", "written"} <= names, cuts) == (True, {("written", "FANOUT")})
    for log in (up, down):
        plan = await explain(busy_store, next(each for each in log if "version" in each.text))
        assert "artifacts_uri_created" in plan.indexes, plan.shown
        assert not plan.sorts, plan.shown
