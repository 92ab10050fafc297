"""A bulk call keeps all of its items or none, whichever of them fails and wherever the database does."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.builders import new_artifact, new_run_and_task
from tests.api.bulks import SIZE, Bulk, create_artifacts, create_links, update_tasks
from tests.api.client import Api, code
from tests.api.conftest import Serve
from tests.api.statements import failing_at, failing_commits

Make = Callable[..., Awaitable[Bulk]]

BULKS = [pytest.param(make, id=make.__name__) for make in (update_tasks, create_artifacts, create_links)]


def too_long(item: Any) -> Any:
    """An invalid field, found before anything is written."""
    if hasattr(item, "artifact"):
        item.artifact.name = "n" * 129
    elif hasattr(item, "task"):
        item.task.name = "n" * 129
    else:
        item.key = "k" * 192
    return item


def unknown_task(item: Any) -> Any:
    """A task that is not there."""
    item.task_id = "no-such-task"
    return item


def unknown_artifact(item: Any) -> Any:
    """An artifact that is not there."""
    item.artifact_id = "no-such-artifact"
    return item


SPOILED = [
    *[
        pytest.param(make, too_long, "INVALID_ARGUMENT", id=f"{make.__name__}-too_long")
        for make in (update_tasks, create_artifacts, create_links)
    ],
    *[
        pytest.param(make, unknown_task, "NOT_FOUND", id=f"{make.__name__}-unknown_task")
        for make in (update_tasks, create_artifacts, create_links)
    ],
    pytest.param(create_links, unknown_artifact, "NOT_FOUND", id="create_links-unknown_artifact"),
]


@pytest.mark.parametrize(("make", "spoil", "expected"), SPOILED)
async def test_a_bulk_call_keeps_nothing_when_any_item_is_wrong(
    api: Api, make: Make, spoil: Callable[[Any], Any], expected: str
) -> None:
    for position in range(SIZE):
        bulk = await make(api)
        spoil(bulk.items[position])
        assert await code(bulk.send(bulk.items)) == expected
        assert await bulk.kept() == 0


@pytest.mark.parametrize("make", BULKS)
async def test_a_bulk_call_keeps_nothing_when_any_item_is_of_another_task_and_run(api: Api, make: Make) -> None:
    for position in range(SIZE):
        bulk = await make(api)
        bulk.items[position].task_id = bulk.foreign[1]
        assert await code(bulk.send(bulk.items)) == "INVALID_ARGUMENT"
        assert await bulk.kept() == 0


@pytest.mark.parametrize("make", BULKS)
async def test_a_bulk_call_keeps_nothing_when_any_of_its_statements_fails(
    api: Api, shared_url: str, make: Make
) -> None:
    bulk, number, failed = await make(api), 0, True
    while failed:
        assert await bulk.kept() == 0
        number += 1
        with failing_at(shared_url, number) as seen:
            answer = await code(bulk.send(bulk.items))
        failed = "failed" in seen.texts
        assert answer == ("INTERNAL" if failed else "OK")
    assert await bulk.kept() == SIZE
    assert number > 3


@pytest.mark.parametrize("make", BULKS)
async def test_a_bulk_call_keeps_nothing_when_its_commit_fails(serve: Serve, migrated_url: str, make: Make) -> None:
    bulk = await make(await serve())
    with failing_commits(migrated_url):
        seen, answer = await polled(bulk, code(bulk.send(bulk.items)))
    assert (seen, answer) == ({0}, "INTERNAL")
    assert await bulk.kept() == 0


async def test_a_failed_commit_does_not_stop_the_calls_after_it(serve: Serve, migrated_url: str) -> None:
    api = await serve(pool_size=1)
    run_id, task_id = await new_run_and_task(api)
    with failing_commits(migrated_url):
        assert await code(new_artifact(api, run_id, task_id)) == "INTERNAL"
    assert await code(new_artifact(api, run_id, task_id)) == "OK"
    assert (await api.ListArtifacts()).total_size == 1


@pytest.mark.parametrize("make", BULKS)
async def test_a_reader_sees_all_of_a_bulk_call_or_nothing(api: Api, make: Make) -> None:
    bulk = await make(api, 200)
    seen, answer = await polled(bulk, code(bulk.send(bulk.items)))
    assert answer == "OK"
    assert seen <= {-1, 0, 200}
    assert await bulk.kept() == 200


async def polled(bulk: Bulk, call: Awaitable[str]) -> tuple[set[int], str]:
    """Count what is kept again and again while a call runs; return all counts and the call's answer."""
    seen: set[int] = {await bulk.kept()}
    task = asyncio.ensure_future(call)
    while not task.done():
        seen.add(await bulk.kept())
    return seen, await task
