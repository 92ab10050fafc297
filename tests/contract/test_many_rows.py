"""Many rows that are written with one statement are those that would be written one by one."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from storage.model import Task
from storage.sql.dialects.many_rows import STATEMENTS_MAX
from storage.sql.dialects.mysql_writes import JOINED_CHARACTERS
from storage.sql.store import SqlStore
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.watching import statements

PARAMETERS = '[{"name": "é🚆\\\\", "value": "\'%s\'"}]'


async def kept_tasks(store: SqlStore, count: int) -> Sequence[Task]:
    run = a_run()
    tasks = [a_task(run.id, name=f"{number}", input_parameters="[]") for number in range(count)]
    await keep(store, run, *tasks)
    return tasks


async def update(store: SqlStore, before: Sequence[Task], after: Sequence[Task]) -> Sequence[Task]:
    """Update tasks, and return all of their run by id."""
    await store.write(lambda tx: tx.tasks.update(list(zip(before, after, strict=True))))
    found = await store.read(lambda tx: tx.tasks.list_of_runs([before[0].run_id]))
    return sorted(found, key=lambda task: task.id)


def changed(number: int, task: Task) -> Task:
    return replace(
        task,
        updated_at=task.updated_at + number,
        state=number % 3,
        finished_at=None if number % 2 else number,
        input_parameters=None if number % 2 else PARAMETERS,
        output_parameters=PARAMETERS if number % 2 else None,
        display_name="%s" * (number % 4),
    )


@pytest.mark.parametrize("count", [1, 2, 3, 50, 64, 65, 130])
async def test_each_row_is_updated_with_its_own_values(store: SqlStore, count: int) -> None:
    tasks = await kept_tasks(store, count + 2)  # of which the first and the last stay
    before = tasks[1:-1]
    after = [changed(number, task) for number, task in enumerate(before, 1)]
    expected = sorted([tasks[0], *after, tasks[-1]], key=lambda task: task.id)
    assert await update(store, before, after) == expected
    again = [changed(number, task) for number, task in enumerate(after, 2)]
    assert await update(store, after, again) == sorted([tasks[0], *again, tasks[-1]], key=lambda task: task.id)


async def test_much_text_is_updated_too(store: SqlStore) -> None:
    before = await kept_tasks(store, 3)
    after = [replace(task, output_parameters=f"{number}" * JOINED_CHARACTERS) for number, task in enumerate(before)]
    assert await update(store, before, after) == after


@pytest.mark.databases("postgresql", "mysql")
async def test_rows_are_updated_with_one_statement(store: SqlStore) -> None:
    before = await kept_tasks(store, 50)
    after = [changed(number, task) for number, task in enumerate(before, 1)]
    with statements(store) as sent:
        await store.write(lambda tx: tx.tasks.update(list(zip(before, after, strict=True))))
    assert [type(each.parameters) for each in sent] != [list]
    assert len(sent) == 1


@pytest.mark.parametrize("count", [1, 2, 70])
async def test_each_row_is_inserted_with_its_own_values(store: SqlStore, count: int) -> None:
    [task] = await kept_tasks(store, 1)
    new = [
        an_artifact(
            name=f"{number}",
            uri=None if number % 2 else f"s3://{number}",
            metadata=PARAMETERS if number % 2 else None,
            number_value=number / 3 if number % 2 else None,
        )
        for number in range(count)
    ]
    links = [a_link(task, artifact, key=f"{number:03}") for number, artifact in enumerate(new)]
    await store.write(lambda tx: tx.artifacts.create(new))
    first = await store.write(lambda tx: tx.artifact_tasks.create(links))
    assert first == links
    renewed = [replace(link, id=f"{link.id}x") for link in links]
    assert await store.write(lambda tx: tx.artifact_tasks.create(renewed)) == links
    found = await store.read(lambda tx: tx.artifact_tasks.of_tasks([task.id]))
    assert [each.artifact for each in sorted(found, key=lambda each: each.link.key)] == new


async def test_only_so_many_statements_are_held(store: SqlStore) -> None:
    many_rows = store.dialect.many_rows
    for number in range(3 * STATEMENTS_MAX):
        many_rows.held((number,), lambda: object())
        assert len(many_rows._statements) <= STATEMENTS_MAX
