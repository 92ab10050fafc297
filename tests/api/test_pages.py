"""Pages: every allowed sort key of every list leads through all rows once, in both directions, and so do its tokens."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from storage.sql.store import SqlStore
from tests.api.builders import (
    Task,
    a_link,
    a_parameter,
    an_artifact,
    new_run,
    new_task,
    where,
)
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.contract.builders import a_pipeline, a_version, keep

pytestmark = pytest.mark.one_database

TASK_KEYS = (
    "name display_name task_id run_id pods cache_fingerprint create_time start_time end_time status status_metadata "
    "state_history type type_attributes parent_task_id inputs outputs scope_path"
)
ARTIFACT_KEYS = "artifact_id id namespace type uri name description created_at last_update metadata number_value"
LINK_KEYS = "id artifact_id task_id run_id type key producer"
RUN_KEYS = (
    "run_id id display_name name created_at finished_at description scheduled_at storage_state status namespace "
    "experiment_id state state_history runtime_details recurring_run_id pipeline_id "
    "pipeline_version_id metric:accuracy"
)


@dataclass
class Listed:
    """A list with rows to page through; `fetch` returns its rows, total size and next token."""

    fetch: Callable[..., Awaitable[tuple[list[Any], int, str]]]
    send: Callable[..., Awaitable[Any]]
    keys: list[str]
    size: int


@pytest_asyncio.fixture
async def pages(serve: Serve) -> AsyncIterator[dict[str, Listed]]:
    """The four lists, on a store whose rows lack many values and share others."""
    api = await serve()
    run_id = await new_run(api, display_name="one", description="d", scheduled_at={"seconds": 5})
    task_ids = await uneven_tasks(api, run_id)
    await uneven_artifacts(api, run_id, task_ids)
    for number in range(6):
        fields = [{}, {"finished_at": {"seconds": 7}}, {"parameters": {"a": number}}, {"storage_state": "ARCHIVED"}]
        await new_run(api, display_name=f"run {number % 2}", **fields[number % 4])
    yield {
        "ListTasks": await listed(api.ListTasks, "tasks", TASK_KEYS, order="order_by", run_id=run_id),
        "ListArtifacts": await listed(api.ListArtifacts, "artifacts", ARTIFACT_KEYS),
        "ListArtifactTasks": await listed(api.ListArtifactTasks, "artifact_tasks", LINK_KEYS, run_ids=[run_id]),
        "ListRuns": await listed(api.ListRuns, "runs", RUN_KEYS),
    }


async def uneven_tasks(api: Api, run_id: str) -> list[str]:
    """Tasks of which half lack half of their values."""
    rich = {
        "create_time": {"seconds": 1_700_000_000},
        "end_time": {"seconds": 1_700_000_001},
        "pods": [{"name": "p"}],
        "status_metadata": {"message": "m"},
        "type_attributes": {"iteration_index": 1},
        "inputs": {"parameters": [a_parameter()]},
        "outputs": {"parameters": [a_parameter()]},
        "scope_path": "root",
        "display_name": "é" * 300,
    }
    task_ids: list[str] = []
    for number in range(7):
        fields = rich if number % 2 else {"state": number % 3, "name": ""}
        parent = {"parent_task_id": task_ids[0]} if number in (2, 3) else {}
        task = await api.CreateTask(run_id=run_id, task=Task(**({"name": f"t{number}"} | fields | parent)))
        task_ids.append(task.task_id)
    return task_ids


async def uneven_artifacts(api: Api, run_id: str, task_ids: list[str]) -> None:
    """Artifacts of which some lack uri, number and metadata, and links of several types."""
    for number, task_id in enumerate(task_ids):
        fields: list[dict[str, Any]] = [
            {},
            {"uri": f"s3://{number}", "number_value": -1.5},
            {"uri": "", "metadata": {"a": {"number_value": number}}},
            {"number_value": 2.0, "description": "d"},
        ]
        request = {"run_id": run_id, "task_id": task_id, "producer_key": f"key-{number % 2}"}
        made = await api.CreateArtifact(artifact=an_artifact(str(number % 3), **fields[number % 4]), **request)
        if number % 3 == 0:
            await api.CreateArtifactTask(artifact_task=a_link(run_id, task_id, made.artifact_id))


async def listed(call: Any, rows: str, keys: str, *, order: str = "sort_by", **scope: Any) -> Listed:
    """Describe a list by its RPC and the field of its answer that holds the rows."""

    def send(*, sort: str = "", **fields: Any) -> Awaitable[Any]:
        return call(**{order: sort}, **(scope | fields))

    async def fetch(**fields: Any) -> tuple[list[Any], int, str]:
        page = await send(**fields)
        return list(getattr(page, rows)), page.total_size, page.next_page_token

    _, total, _ = await fetch()
    return Listed(fetch, send, keys.split(), total)


async def drained(one: Listed, page_size: int, **fields: Any) -> list[Any]:
    """Follow the tokens to the end, sending nothing else again, and return all rows."""
    rows, total, token = await one.fetch(page_size=page_size, **fields)
    while token:
        more, total, token = await one.fetch(page_size=page_size, page_token=token)
        assert total == one.size
        rows += more
        assert len(rows) <= one.size
    return rows


LISTS = ["ListTasks", "ListArtifacts", "ListArtifactTasks", "ListRuns"]


@pytest.mark.slow
@pytest.mark.parametrize("name", LISTS)
async def test_every_sort_key_leads_through_all_rows_once_in_both_directions(
    pages: dict[str, Listed], name: str
) -> None:
    one = pages[name]
    for key in one.keys:
        upwards, total, _ = await one.fetch(sort=key, page_size=200)
        downwards, _, _ = await one.fetch(sort=f" {key.upper()}  DESC ", page_size=200)
        assert (len(upwards), downwards) == (total, upwards[::-1]), key
        for page_size in (1, 3):
            assert await drained(one, page_size, sort=key) == upwards, key
            assert await drained(one, page_size, sort=f"{key} desc") == downwards, key


@pytest.mark.parametrize(
    ("name", "key", "field"),
    [
        ("ListTasks", "end_time", "end_time"),
        ("ListArtifacts", "uri", "uri"),
        ("ListArtifacts", "number_value", "number_value"),
        ("ListTasks", "parent_task_id", "parent_task_id"),
    ],
)
async def test_rows_without_a_value_come_first(pages: dict[str, Listed], name: str, key: str, field: str) -> None:
    rows, _, _ = await pages[name].fetch(sort=key, page_size=200)
    present = [row.HasField(field) for row in rows]
    assert present == sorted(present)
    assert {True, False} == set(present)


@pytest.mark.parametrize("name", LISTS)
async def test_a_token_that_was_changed_is_refused(pages: dict[str, Listed], name: str) -> None:
    one = pages[name]
    _, _, token = await one.fetch(page_size=1)
    assert len(token) < 4096
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        forged = token[:position] + other + token[position + 1 :]
        assert await code(one.send(page_token=forged)) == "INVALID_ARGUMENT"
    for wrong in (token[:-1], token + "A", token * 2, "", " ", "é", "A" * 100_000):
        assert await code(one.send(page_token=wrong)) == ("OK" if not wrong else "INVALID_ARGUMENT")


async def test_a_token_belongs_to_its_list(pages: dict[str, Listed]) -> None:
    for name in LISTS:
        _, _, token = await pages[name].fetch(page_size=1)
        for other in LISTS:
            assert await code(pages[other].send(page_token=token)) == ("OK" if other == name else "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("ListTasks", {"run_id": "another-run"}),
        ("ListArtifactTasks", {"run_ids": ["another-run"]}),
        ("ListArtifactTasks", {"type": "OUTPUT"}),
    ],
)
async def test_a_token_belongs_to_what_limits_its_list(
    pages: dict[str, Listed], name: str, scope: dict[str, Any]
) -> None:
    _, _, token = await pages[name].fetch(page_size=1)
    assert await code(pages[name].send(page_token=token, **scope)) == "INVALID_ARGUMENT"


async def test_a_token_of_one_experiment_is_none_of_all_runs(pages: dict[str, Listed]) -> None:
    runs = pages["ListRuns"]
    [row], _, token = await runs.fetch(page_size=1)
    assert await code(runs.send(page_token=token, experiment_id=row.experiment_id)) == "INVALID_ARGUMENT"
    _, _, token = await runs.fetch(page_size=1, experiment_id=row.experiment_id)
    assert await code(runs.send(page_token=token, experiment_id=row.experiment_id)) == "OK"
    assert await code(runs.send(page_token=token)) == "INVALID_ARGUMENT"


async def test_a_token_of_one_pipeline_is_none_of_another(serve: Serve, migrated_url: str) -> None:
    api, store = await serve(), SqlStore(migrated_url)
    one, other = a_pipeline(), a_pipeline()
    await keep(store, one, other, *(a_version(each.id) for each in (one, other) for _ in range(2)))
    await store.close()
    page = await api.ListPipelineVersions(pipeline_id=one.id, page_size=1)
    last = await api.ListPipelineVersions(pipeline_id=one.id, page_size=1, page_token=page.next_page_token)
    assert (page.total_size, len(last.pipeline_versions), last.next_page_token) == (2, 1, "")
    with_token = api.ListPipelineVersions(pipeline_id=other.id, page_token=page.next_page_token)
    assert await code(with_token) == "INVALID_ARGUMENT"


async def test_a_sort_sent_with_a_token_must_be_its_own(pages: dict[str, Listed]) -> None:
    tasks = pages["ListTasks"]
    _, _, token = await tasks.fetch(page_size=1, sort="name desc")
    for sort, expected in (
        ("name desc", "OK"),
        (" NAME  DESC", "OK"),
        ("", "OK"),
        ("name", "INVALID_ARGUMENT"),
        ("create_time desc", "INVALID_ARGUMENT"),
    ):
        assert await code(tasks.send(page_token=token, sort=sort)) == expected
    _, _, token = await tasks.fetch(page_size=1)
    for sort in ("create_time", "create_time asc"):
        assert await code(tasks.send(page_token=token, sort=sort)) == "OK"


FILTERS = [
    where("name", "NOT_EQUALS", string_value="x"),
    where("status", "IN", int_values={"values": [0, 1, 2, 3, 4]}),
    where("status", "LESS_THAN", long_value="9"),
    where("create_time", "GREATER_THAN", timestamp_value="2000-01-01T00:00:00Z"),
    where("type", "IN", string_values={"values": ["RUNTIME", "TASK_TYPE_UNSPECIFIED"]}),
]


@pytest.mark.parametrize("text", FILTERS)
async def test_any_filter_may_be_sent_again_with_its_token(pages: dict[str, Listed], text: str) -> None:
    tasks = pages["ListTasks"]
    first, total, token = await tasks.fetch(page_size=2, filter=text)
    assert token
    camel = text.replace("_value", "Value")
    for again in (
        text,
        quote(text),
        json.dumps(json.loads(text), indent=1),
        camel if "Values" not in camel else text,
        "",
    ):
        rows, again_total, _ = await tasks.fetch(page_size=200, filter=again, page_token=token)
        assert (len(first) + len(rows), again_total) == (total, total)


async def test_another_filter_with_a_token_is_refused(pages: dict[str, Listed]) -> None:
    tasks = pages["ListTasks"]
    _, _, token = await tasks.fetch(page_size=2, filter=FILTERS[0])
    for other in FILTERS[1:]:
        assert await code(tasks.send(filter=other, page_token=token)) == "INVALID_ARGUMENT"
    _, _, plain = await tasks.fetch(page_size=2)
    assert await code(tasks.send(filter=FILTERS[0], page_token=plain)) == "INVALID_ARGUMENT"


async def test_with_a_token_an_absent_sort_or_filter_beside_the_other_means_the_default(
    pages: dict[str, Listed],
) -> None:
    tasks = pages["ListTasks"]
    _, _, token = await tasks.fetch(page_size=2, filter=FILTERS[0], sort="name")
    assert await code(tasks.send(page_token=token, filter=FILTERS[0])) == "INVALID_ARGUMENT"
    assert await code(tasks.send(page_token=token, sort="name")) == "INVALID_ARGUMENT"
    assert await code(tasks.send(page_token=token, sort="name", filter=FILTERS[0])) == "OK"
    assert await code(tasks.send(page_token=token)) == "OK"


async def test_a_long_filter_must_be_sent_again(pages: dict[str, Listed]) -> None:
    tasks = pages["ListTasks"]
    text = where("name", "NOT_EQUALS", string_value="x" * 5000)
    _, _, token = await tasks.fetch(page_size=2, filter=text)
    assert len(token) < 4096
    assert await code(tasks.send(page_token=token)) == "INVALID_ARGUMENT"
    assert await code(tasks.send(page_token=token, filter=text)) == "OK"


async def test_a_token_of_long_sort_values_stays_short(serve: Serve) -> None:
    api = await serve()
    run_id = await new_run(api, run_id="🚀" * 47)
    for name in "ab":
        await new_task(api, run_id, name, display_name="🚀" * 1024, scope_path="🚀" * 1024)
    text = where("name", "NOT_EQUALS", string_value="🚀" * 200)
    for key in ("display_name", "scope_path"):
        page = await api.ListTasks(run_id=run_id, order_by=key, page_size=1, filter=text)
        assert 0 < len(page.next_page_token) < 4096
        assert (await api.ListTasks(run_id=run_id, page_token=page.next_page_token)).total_size == 2


async def test_a_token_serves_every_server_of_one_store(serve: Serve) -> None:
    first, second = await serve(), await serve()
    for number in range(3):
        await new_run(first, display_name=str(number))
    page = await first.ListRuns(page_size=2)
    rest = await second.ListRuns(page_token=page.next_page_token)
    assert [run.display_name for run in (*page.runs, *rest.runs)] == ["0", "1", "2"]


async def test_rows_made_between_pages_neither_repeat_nor_hide_others(serve: Serve) -> None:
    api = await serve()
    run_id = await new_run(api)
    for name in "bdfh":
        await new_task(api, run_id, name)
    page = await api.ListTasks(run_id=run_id, order_by="name", page_size=2)
    for name in "aeg":
        await new_task(api, run_id, name)
    rest = await api.ListTasks(run_id=run_id, page_token=page.next_page_token)
    assert [task.name for task in (*page.tasks, *rest.tasks)] == list("bdefgh")
    assert rest.total_size == 7
