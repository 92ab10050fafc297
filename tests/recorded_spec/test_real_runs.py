"""Every task of real runs is a node and every link an edge; where the pipeline is known, the graph is the pipeline's."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from server.recorded_spec import Recording
from server.recorded_spec.document import make_spec
from storage.sql.store import SqlStore
from tests.api.client import Api
from tests.api.service import serving
from tests.conformance.scenarios import difference, replay, scenario_names, write_descriptors
from tests.databases import create_migrated_database, drop_database
from tests.faults.cluster import clean_environment
from tests.mlmd_import.imports import imported, main_request
from tests.recorded_spec.drawing import complaints
from tests.recorded_spec.runs import recordings
from tests.rest.client import ask

EXAMPLE = Path(__file__).parents[2] / "examples" / "first_run.py"
PIPELINES = [name for name in scenario_names() if name.startswith("driver/")]


@pytest_asyncio.fixture
async def store(migrated_url: str) -> AsyncIterator[SqlStore]:
    store = SqlStore(migrated_url)
    yield store
    await store.close()


async def shown_specs(url: str) -> dict[str, Any]:
    """The specification that each run of a store shows, over both doors and in the words of both APIs."""
    async with serving(url) as addresses:
        api, specs = Api(addresses.grpc), {}
        for run in (await api.ListRuns(page_size=200)).runs:
            assert not run.HasField("pipeline_spec")
            shown = (await ask(addresses.rest, "GET", f"/apis/v2beta1/runs/{run.run_id}")).json["pipeline_spec"]
            full = (await ask(addresses.rest, "GET", f"/apis/v2beta1/runs/{run.run_id}?view=FULL")).json
            old = (await ask(addresses.rest, "GET", f"/apis/v1beta1/runs/{run.run_id}")).json["run"]
            assert shown == full["pipeline_spec"] == json.loads(old["pipeline_spec"]["pipeline_manifest"])
            specs[run.run_id] = shown
        await api.channel.close()
    return specs


async def test_each_task_and_link_of_the_first_example_is_drawn(
    migrated_url: str, store: SqlStore, tmp_path: Path
) -> None:
    async with serving(migrated_url) as addresses:
        command = [sys.executable, EXAMPLE, addresses.grpc]
        environment = clean_environment({"LINEAL_SPOOL_DIR": str(tmp_path)})
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, env=environment, timeout=120)
    specs = await shown_specs(migrated_url)
    found = await recordings(store)
    assert [len(each.tasks) for each in found] == [11, 11]
    for each in found:
        assert each.links
        assert complaints(specs[each.run.id], each.tasks, each.links) == []


async def test_each_task_and_link_of_an_imported_store_is_drawn(migrated_url: str, store: SqlStore) -> None:
    await imported(main_request(migrated_url))
    specs = await shown_specs(migrated_url)
    found = await recordings(store)
    assert sum(len(each.tasks) for each in found) > 100
    for each in found:
        assert complaints(specs[each.run.id], each.tasks, each.links) == []


@pytest_asyncio.fixture(scope="module")
async def replayed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[list[Recording]]:
    """The runs that KFP's own driver and launcher recorded of real pipelines, in the words of their pipelines."""
    url = create_migrated_database("sqlite")
    descriptors = write_descriptors(tmp_path_factory.mktemp("graphs") / "descriptors.bin")
    async with serving(url) as addresses:
        client = replay.Client(addresses.grpc, addresses.rest, descriptors)
        for name in PIPELINES:
            assert await replay_in_thread(client, name) is None
    store = SqlStore(url)
    yield await recordings(store)
    await store.close()
    drop_database(url)


async def replay_in_thread(client: Any, name: str) -> str | None:
    """Replay a scenario; return what differed."""
    return await asyncio.to_thread(difference, client, name)


Edge = tuple[tuple[str, ...], str, str, str]


def graph(spec: dict[str, Any]) -> tuple[set[tuple[str, ...]], set[Edge]]:
    """Paths of a specification's tasks, and what passes between tasks of one DAG: DAG, producer, consumer, kind."""
    nodes: set[tuple[str, ...]] = set()
    edges: set[Edge] = set()
    waiting: list[tuple[dict[str, Any], tuple[str, ...]]] = [(spec["root"], ())]
    while waiting:
        component, path = waiting.pop()
        for key, task in component.get("dag", {}).get("tasks", {}).items():
            nodes.add((*path, key))
            waiting.append((spec["components"][task["componentRef"]["name"]], (*path, key)))
            for kind in ("Parameter", "Artifact"):
                for source in task.get("inputs", {}).get(f"{kind.lower()}s", {}).values():
                    if output := source.get(f"taskOutput{kind}"):
                        edges.add((path, output["producerTask"], key, kind))
    return nodes, edges


@pytest.mark.slow
async def test_the_graph_of_a_recorded_run_is_that_of_its_pipeline_less_what_never_ran(
    replayed: list[Recording],
) -> None:
    assert len(replayed) >= len(PIPELINES) == 15
    for each in replayed:
        compiled = json.loads(each.run.pipeline_spec or "")
        nodes, edges = graph(compiled.get("pipeline_spec", compiled))
        drawn_nodes, drawn_edges = graph(make_spec(each))
        never_ran = nodes - drawn_nodes
        assert drawn_nodes <= nodes
        assert drawn_edges == {edge for edge in edges if not {(*edge[0], edge[1]), (*edge[0], edge[2])} & never_ran}, (
            each.run.display_name
        )
        assert complaints(make_spec(each), each.tasks, each.links) == []
