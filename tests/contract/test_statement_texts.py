"""The number of ids in a statement changes its text in few steps: each text is planned, and kept by the driver, by itself."""

from collections.abc import Awaitable, Callable, Sequence

import pytest

from storage.contract import WriteTx
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_task, keep
from tests.contract.watching import statements

Call = Callable[[WriteTx, Sequence[str]], Awaitable[object]]

SIZES = [1, 2, 3, 7, 8, 9, 20, 31, 60, 65, 100, 127, 300, 400, 513, 900]
STEPS = {"sqlite": 1, "postgresql": 1, "mysql": 8}
"""How many texts these sizes may have: lists on MySQL are padded to 1, 8, 32, 64, 128 … values."""

CALLS: dict[str, Call] = {
    "heads of tasks": lambda tx, ids: tx.tasks.heads(ids),
    "locks of tasks": lambda tx, ids: tx.tasks.lock(ids),
    "ancestors": lambda tx, ids: tx.tasks.ancestors(ids),
    "children": lambda tx, ids: tx.tasks.children("run", ids),
    "links of tasks": lambda tx, ids: tx.artifact_tasks.of_tasks(ids),
    "deleted links": lambda tx, ids: tx.artifact_tasks.delete_of_tasks(ids),
    "namespaces of artifacts": lambda tx, ids: tx.artifacts.namespaces(ids),
    "tasks of runs": lambda tx, ids: tx.tasks.list_of_runs([*ids, "another"]),
    "links of runs": lambda tx, ids: tx.artifact_tasks.of_runs([*ids, "another"]),
    "counts of tasks": lambda tx, ids: tx.runs.task_counts(ids),
    "names of versions": lambda tx, ids: tx.pipeline_versions.names(ids),
    "newest versions": lambda tx, ids: tx.pipeline_versions.latest_of(ids),
}


@pytest.mark.parametrize("name", CALLS)
async def test_the_number_of_ids_changes_a_text_in_few_steps(store: SqlStore, name: str) -> None:
    texts = set()
    for size in SIZES:
        ids = [f"id {number}" for number in range(size)]

        async def call(tx: WriteTx, ids: Sequence[str] = ids) -> None:
            await CALLS[name](tx, ids)

        with statements(store) as log:
            await store.write(call)
        texts |= {statement.text for statement in log}
    assert 1 <= len(texts) <= STEPS[store.dialect.name]


@pytest.mark.parametrize("size", [0, 1, 5, 8, 9])
async def test_a_padded_list_finds_each_row_once(store: SqlStore, size: int) -> None:
    first = await a_kept_task(store)
    tasks = [first, *(a_task(first.run_id) for _ in range(9))]
    await keep(store, *tasks[1:])
    ids = [task.id for task in tasks[:size]]
    assert sorted(await store.read(lambda tx: tx.tasks.heads(ids))) == sorted(ids)
    assert sorted(await store.write(lambda tx: tx.tasks.lock(ids))) == sorted(ids)
    assert await store.read(lambda tx: tx.tasks.list_of_runs([first.run_id, first.run_id])) == tasks
