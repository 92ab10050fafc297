"""What storage.contract promises of texts that cannot be ids: they are unknown, and cost no statement of their own."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from storage import lengths
from storage.contract import Page, WriteTx
from storage.fields import ARTIFACT_TASK_LIST, TASK_LIST
from storage.ids import can_be_id
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_link, an_artifact, keep
from tests.contract.listings import listing
from tests.contract.watching import statements

IMPOSSIBLE = ["", "a\x00b", "a" * (lengths.ID + 1), "é" * (lengths.ID // 2 + 1), "\ud83d"]
NOTHING: Page[Any] = Page(rows=[], total_size=0, next=None)


async def without_statement(store: SqlStore, look_up: Callable[[WriteTx], Awaitable[Any]]) -> Any:
    """The result of a look-up that sends no statement."""
    with statements(store) as sent:
        result = await store.write(look_up)
    assert [statement.text for statement in sent if "SELECT" in statement.text] == []
    return result


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_a_text_that_is_empty_too_long_or_not_text_cannot_be_an_id(text: str) -> None:
    assert not can_be_id(text)


def test_the_longest_text_can_be_an_id() -> None:
    assert can_be_id("a" * lengths.ID)
    assert can_be_id("é" * (lengths.ID // 2))


async def test_texts_that_cannot_be_ids_have_no_heads_and_cost_no_statement(store: SqlStore) -> None:
    task = await a_kept_task(store)
    assert set(await store.read(lambda tx: tx.tasks.heads([*IMPOSSIBLE, task.id]))) == {task.id}
    assert await without_statement(store, lambda tx: tx.tasks.heads(IMPOSSIBLE)) == {}


async def test_texts_that_cannot_be_ids_lock_nothing_and_cost_no_statement(store: SqlStore) -> None:
    task = await a_kept_task(store)
    assert await store.write(lambda tx: tx.tasks.lock([*IMPOSSIBLE, task.id])) == {task.id: task}
    assert await without_statement(store, lambda tx: tx.tasks.lock(IMPOSSIBLE)) == {}


async def test_texts_that_cannot_be_ids_have_no_ancestors_and_cost_no_statement(store: SqlStore) -> None:
    task = await a_kept_task(store)
    assert set(await store.write(lambda tx: tx.tasks.ancestors([*IMPOSSIBLE, task.id]))) == {task.id}
    assert await without_statement(store, lambda tx: tx.tasks.ancestors(IMPOSSIBLE)) == {}


@pytest.mark.parametrize("text", IMPOSSIBLE)
async def test_a_run_whose_id_cannot_be_one_has_no_tasks_and_costs_no_statement(store: SqlStore, text: str) -> None:
    page = await without_statement(
        store, lambda tx: tx.tasks.list(listing(TASK_LIST), run_id=text, parent_task_id=None)
    )
    assert page == NOTHING


async def test_texts_that_cannot_be_ids_have_no_namespaces_and_cost_no_statement(store: SqlStore) -> None:
    artifact = an_artifact(namespace="team")
    await keep(store, artifact)
    assert await store.read(lambda tx: tx.artifacts.namespaces([*IMPOSSIBLE, artifact.id])) == {artifact.id: "team"}
    assert await without_statement(store, lambda tx: tx.artifacts.namespaces(IMPOSSIBLE)) == {}


@pytest.mark.parametrize("kind", ["task_ids", "run_ids", "artifact_ids"])
async def test_texts_that_cannot_be_ids_have_no_links_and_cost_no_statement(store: SqlStore, kind: str) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    link = a_link(task, artifact)
    await keep(store, artifact, link)
    ids = {"task_ids": [task.id], "run_ids": [task.run_id], "artifact_ids": [artifact.id]}

    async def links(tx: WriteTx, texts: list[str]) -> Any:
        return await tx.artifact_tasks.list(listing(ARTIFACT_TASK_LIST), **ids | {kind: texts}, type=None)

    assert (await store.write(lambda tx: links(tx, [*IMPOSSIBLE, *ids[kind]]))).rows == [link]
    assert await without_statement(store, lambda tx: links(tx, IMPOSSIBLE)) == NOTHING
