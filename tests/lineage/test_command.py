"""`lineal-server lineage`: the answer of GetLineage as a tree, read from the store itself."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from migrations.upgrade import upgrade
from storage.model import TaskState, TaskType
from storage.sql.store import SqlStore
from tests.cli.program import lineal
from tests.lineage.world import World

pytestmark = pytest.mark.databases("sqlite")

URI = "s3://bucket/data"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """An empty store."""
    url = f"sqlite:///{tmp_path}/store.sqlite"
    upgrade(url)
    return url


def keep(url: str, world: World) -> None:
    """Keep a world in the store."""

    async def run() -> None:
        store = SqlStore(url)
        await world.keep(store)
        await store.close()

    asyncio.run(run())


@pytest.fixture
def world(url: str) -> World:
    """A data set of which two models were made, one of them with a cached step."""
    world = World()
    world.artifact("data", uri=URI)
    world.task("load", makes=["data"])
    for name in ("small", "large"):
        world.task(f"train-{name}", takes=["data"], makes=[f"model-{name}"], run=name)
    world.task("train-again", takes=["data"], makes=["model-small"], state=TaskState.CACHED, run="again")
    world.task("compare", takes=["model-small", "model-large"], makes=["best"])
    keep(url, world)
    return world


def lines(*arguments: str) -> list[str]:
    """What the command prints, without refs."""
    done = lineal("lineage", *arguments)
    assert done.exit_code == 0, done.output
    return [re.sub(r"  (artifact|task)/[^ ]+", "", line) for line in done.stdout.splitlines()]


def test_the_lineage_of_an_artifact_is_a_tree(url: str, world: World) -> None:
    assert lines(world.artifacts["best"].id, "--store", url) == [
        "best  Artifact",
        "└─ made by compare  RUNTIME SUCCEEDED",
        '   ├─ took model-small as "out"  Artifact',
        "   │  └─ made by train-small  RUNTIME SUCCEEDED",
        f'   │     └─ took data as "out"  Artifact  {URI}',
        "   │        └─ made by load  RUNTIME SUCCEEDED",
        '   └─ took model-large as "out"  Artifact',
        "      └─ made by train-large  RUNTIME SUCCEEDED",
        f'         └─ took data as "out"  Artifact  {URI}  (see above)',
    ]


def test_a_uri_leads_to_its_artifacts_and_cuts_are_told(url: str, world: World) -> None:
    printed = lines(URI, "--down", "--hops", "1", "--store", url)
    assert printed[0] == f"data  Artifact  {URI}"
    assert "   └─ … not followed: taken from the cache" in printed
    assert sum(line.endswith("… there is more: --hops") for line in printed) == 2


@pytest.mark.parametrize("form", ["{}", "task/{}"])
def test_a_task_is_found_by_its_id(url: str, world: World, form: str) -> None:
    printed = lines(form.format(world.tasks["load"].id), "--store", url, "--up")
    assert printed == ["load  RUNTIME SUCCEEDED"]


def test_the_answer_can_be_printed_as_json(url: str, world: World) -> None:
    done = lineal("lineage", f"artifact/{world.artifacts['data'].id}", "--up", "--json", "--store", url)
    answer = json.loads(done.stdout)
    assert [node["name"] for node in answer["nodes"]] == ["load", "data"]
    assert answer["edges"][0]["kind"] == "OUTPUT"


@pytest.mark.parametrize("start", ["nothing", "s3://elsewhere", "task/nothing", "run/nothing"])
def test_what_is_unknown_is_told_in_one_sentence(url: str, start: str) -> None:
    done = lineal("lineage", start, "--store", url)
    assert done.exit_code == 1
    assert done.stderr.startswith("lineal-server: ")
    assert done.stderr.count("\n") == 1


def test_a_store_that_does_not_exist_is_not_made(tmp_path: Path) -> None:
    done = lineal("lineage", "x", "--store", f"sqlite:///{tmp_path}/none.sqlite")
    assert done.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_stored_name_cannot_move_the_cursor(url: str) -> None:
    world = World()
    world.task("load\x1b[2J\nnext", makes=["data\u202e"], type=TaskType.IMPORTER)
    keep(url, world)
    done = lineal("lineage", world.artifacts["data\u202e"].id, "--store", url)
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "load�[2J�next" in done.stdout
