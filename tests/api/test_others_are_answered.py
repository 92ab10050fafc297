"""While one call works, others are answered: what takes long is done in threads or in slices, and outside transactions."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import pytest_asyncio

from server.calls import listings
from server.packages import root_inputs
from storage import slices
from tests.api.builders import (
    a_link,
    a_parameter,
    a_run,
    a_spec,
    a_task,
    an_artifact,
    new_artifact,
    new_run,
    new_tasks,
    unique,
    with_inputs,
)
from tests.api.client import Api, code
from tests.rest.uploads import upload_pipeline

pytestmark = pytest.mark.one_database

PATIENCE_SECONDS = 60.0
SOON_SECONDS = 5.0


class Reading:
    """Watches and holds up the reading of stored specifications."""

    def __init__(self, read_spec: Any) -> None:
        self._read_spec, self.count = read_spec, 0
        self.begun, self.end = threading.Event(), threading.Event()

    def __call__(self, document: dict[str, Any]) -> Any:
        """Read a specification, once the test lets it."""
        self.count += 1
        self.begun.set()
        assert self.end.wait(PATIENCE_SECONDS)
        return self._read_spec(document)


@pytest.fixture
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reading]:
    """How stored specifications are read during the test."""
    watched = Reading(root_inputs.read_spec)
    monkeypatch.setattr(root_inputs, "read_spec", watched)
    yield watched
    watched.end.set()


@pytest_asyncio.fixture
async def version_id(api: Api, rest: str) -> str:
    """A version whose pipeline takes a number; no other test has this specification."""
    spec = a_spec({"rounds": {"parameterType": "NUMBER_INTEGER"}}, sdkVersion=unique("sdk"))
    pipeline_id = (await upload_pipeline(rest, spec, name=unique("p"))).json["pipeline_id"]
    versions = (await api.ListPipelineVersions(pipeline_id=pipeline_id)).pipeline_versions
    return str(versions[0].pipeline_version_id)


async def test_a_version_is_read_once_and_others_write_meanwhile(api: Api, version_id: str, reading: Reading) -> None:
    asked = a_run(pipeline_version_id=version_id, runtime_config={"parameters": {"rounds": {"number_value": 3}}})
    creation = asyncio.ensure_future(api.CreateRun(run=asked))
    assert await asyncio.to_thread(reading.begun.wait, PATIENCE_SECONDS)
    await asyncio.wait_for(new_run(api), SOON_SECONDS)
    assert not creation.done()
    reading.end.set()
    assert (await creation).pipeline_version_reference.pipeline_version_id == version_id
    await api.CreateRun(run=asked)
    assert await code(api.CreateRun(run=a_run(pipeline_version_id=version_id))) == "INVALID_ARGUMENT"
    assert reading.count == 1


async def test_an_unknown_experiment_is_told_before_anything_of_the_version(api: Api, version_id: str) -> None:
    for named in (version_id, "no-such-version"):
        asked = a_run(experiment_id="no-such-experiment", pipeline_version_id=named)
        with pytest.raises(Exception, match="experiment 'no-such-experiment'"):
            await api.CreateRun(run=asked)
    assert await code(api.CreateRun(run=a_run(pipeline_version_id=version_id))) == "INVALID_ARGUMENT"
    assert await code(api.CreateRun(run=a_run(pipeline_version_id="no-such-version"))) == "NOT_FOUND"


async def test_the_earlier_run_of_a_recurring_run_is_returned_whatever_became_of_its_version(
    api: Api,
) -> None:
    asked = {"display_name": unique("run"), "recurring_run_id": unique("recurring")}
    run_id = await new_run(api, **asked)
    again = a_run(**asked, pipeline_version_id="no-such-version")
    assert (await api.CreateRun(run=again)).run_id == run_id


ITEMS = 20


@pytest.fixture
def interruptions(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How often the server lets others go on, which it does here after each item instead of after a few milliseconds."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(slices, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
    return pauses


RPCS: dict[str, Callable[[Any, str, list[str], list[str]], Awaitable[Any]]] = {
    "GetRun": lambda api, run_id, _, __: api.GetRun(run_id=run_id, view="FULL"),
    "ListTasks": lambda api, run_id, _, __: api.ListTasks(run_id=run_id, page_size=ITEMS),
    "ListRuns": lambda api, *_: api.ListRuns(page_size=ITEMS, sort_by="created_at desc"),
    "ListRuns FULL": lambda api, *_: api.ListRuns(page_size=ITEMS, view="FULL", sort_by="created_at desc"),
    "ListArtifacts": lambda api, *_: api.ListArtifacts(page_size=ITEMS, sort_by="created_at desc"),
    "ListArtifactTasks": lambda api, run_id, _, __: api.ListArtifactTasks(run_ids=[run_id], page_size=ITEMS),
    "CreateArtifactsBulk": lambda api, run_id, task_ids, _: api.CreateArtifactsBulk(
        artifacts=[
            {"run_id": run_id, "task_id": task_id, "producer_key": "o", "artifact": an_artifact()}
            for task_id in task_ids
        ]
    ),
    "CreateArtifactTasksBulk": lambda api, run_id, task_ids, artifact_ids: api.CreateArtifactTasksBulk(
        artifact_tasks=[a_link(run_id, task_id, artifact_ids[0]) for task_id in task_ids]
    ),
    "UpdateTasksBulk": lambda api, run_id, task_ids, _: api.UpdateTasksBulk(
        run_id=run_id, tasks={task_id: a_task() for task_id in task_ids}
    ),
}


@pytest.mark.parametrize("rpc", RPCS)
async def test_a_call_with_many_items_lets_others_go_on_between_them(
    api: Api, interruptions: list[float], rpc: str
) -> None:
    run_id = await new_run(api)
    for _ in range(ITEMS if rpc.startswith("ListRuns") else 0):
        await new_run(api)
    task_ids = await new_tasks(api, run_id, ITEMS)
    artifact_ids = [await new_artifact(api, run_id, task_id) for task_id in task_ids]
    interruptions.clear()
    await RPCS[rpc](api, run_id, task_ids, artifact_ids)
    assert len(interruptions) >= ITEMS


async def every_page(list_page: Callable[[str], Awaitable[Any]], rows: str) -> list[list[Any]]:
    """The rows of each page of a list; the total must be that of the list on every page."""
    pages, token = [], ""
    while True:
        answer = await list_page(token)
        pages.append(list(getattr(answer, rows)))
        token = answer.next_page_token
        if not token:
            assert answer.total_size == sum(map(len, pages))
            return pages


LARGE = "x" * 600
"""With 1,000 characters to a page, one row fits and two do not."""


@pytest.mark.parametrize("order", ["", "name desc", "display_name"])
async def test_a_page_of_large_tasks_ends_early_and_goes_on(
    api: Api, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    run_id = await new_run(api)
    for number in range(3):
        await api.CreateTask(run_id=run_id, task=with_inputs(a_parameter("k", LARGE), name=f"t-{number}"))
    for number in range(3):
        await api.CreateTask(run_id=run_id, task=a_task(f"u-{number}"))

    def page(token: str) -> Awaitable[Any]:
        return api.ListTasks(run_id=run_id, page_token=token, order_by=order, page_size=10)  # type: ignore[no-any-return]

    (whole,) = await every_page(page, "tasks")
    monkeypatch.setattr(listings, "PAGE_BYTES", 1_000)
    pages = await every_page(page, "tasks")
    assert [task for each in pages for task in each] == whole
    assert len(pages) >= 3
    monkeypatch.setattr(listings, "PAGE_BYTES", 1)
    assert [len(each) for each in await every_page(page, "tasks")] == [1] * len(whole)


@pytest.mark.parametrize("view", ["DEFAULT", "FULL"])
async def test_a_page_of_large_runs_counts_their_tasks(api: Api, monkeypatch: pytest.MonkeyPatch, view: str) -> None:
    experiment_id = (await api.CreateExperiment(experiment={"display_name": unique("e")})).experiment_id
    for _ in range(3):
        run_id = await new_run(api, experiment_id=experiment_id)
        await api.CreateTask(run_id=run_id, task=with_inputs(a_parameter("k", LARGE), name="t"))

    def page(token: str) -> Awaitable[Any]:
        return api.ListRuns(experiment_id=experiment_id, page_token=token, view=view)  # type: ignore[no-any-return]

    (whole,) = await every_page(page, "runs")
    monkeypatch.setattr(listings, "PAGE_BYTES", 1_000)
    pages = await every_page(page, "runs")
    assert [run for each in pages for run in each] == whole
    assert [len(each) for each in pages] == ([1, 1, 1] if view == "FULL" else [3])
