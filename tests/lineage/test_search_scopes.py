"""Search and CompareRuns for a caller that may see one namespace only."""

from typing import Any

import pytest

from server.errors import NotFound
from server.rules.comparison.compare import Asked, compare
from storage.model import IOType
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.uris import with_uri
from tests.server.test_scopes import Client, Confined

pytestmark = pytest.mark.one_database


async def test_a_search_finds_what_its_caller_may_see_whatever_it_asks_for(store: SqlStore, migrated_url: str) -> None:
    places = ("here", "there")
    runs = {place: a_run(display_name="x", namespace=place) for place in places}
    artifacts = {place: an_artifact(namespace=place, **with_uri("s3://x")) for place in places}
    tasks = {place: a_task(runs[place].id, name="x", namespace=place) for place in places}
    await keep(store, *runs.values(), *artifacts.values(), *tasks.values())
    for place in places:
        client = Client(store, migrated_url, Confined(place))

        async def found(query: str, client: Client = client, **fields: Any) -> list[str]:
            answer = await client.ask("LineageService.Search", query=query, **fields)
            return [node.ref for node in answer.nodes]

        assert await found("x", namespace="there", kinds=["run", "task"]) == [
            f"run/{runs[place].id}",
            f"task/{tasks[place].id}",
        ]
        assert await found("s3://x", namespace="here") == [f"artifact/{artifacts[place].id}"]
        other = runs["there" if place == "here" else "here"]
        assert await found(other.id) == []


async def test_runs_that_a_caller_may_not_see_are_not_found(store: SqlStore) -> None:
    runs = [a_run(namespace=place) for place in ("here", "here", "there")]
    await keep(store, *runs)

    def asked(*numbers: int) -> Asked:
        return Asked([runs[number].id for number in numbers], "here", None, lambda size: None)

    assert len((await store.read(lambda tx: compare(tx, asked(0, 1)))).runs) == 2
    with pytest.raises(NotFound):
        await store.read(lambda tx: compare(tx, asked(0, 2)))


async def test_of_artifacts_that_a_caller_may_not_see_there_is_the_ref(store: SqlStore) -> None:
    runs = [a_run(namespace="here") for _ in range(2)]
    tasks = [a_task(run.id, type=2) for run in runs]
    artifacts = [an_artifact(namespace=place, **with_uri(f"s3://{place}")) for place in ("here", "there")]
    used = IOType.COMPONENT_INPUT.value
    links = [a_link(task, artifact, key="data", type=used) for task, artifact in zip(tasks, artifacts, strict=True)]
    await keep(store, *runs, *tasks, *artifacts, *links)
    asked = Asked([run.id for run in runs], "here", None, lambda size: None)
    [row] = (await store.read(lambda tx: compare(tx, asked))).inputs
    assert [(cell.text, cell.ref) for cell in row.cells if cell is not None] == [
        ("s3://here", f"artifact/{artifacts[0].id}"),
        ("", f"artifact/{artifacts[1].id}"),
    ]
