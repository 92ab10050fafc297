"""Statements that are compiled once do what SQLAlchemy does with them: the same text, values and rows."""

import gc
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import ClauseElement, bindparam, insert, select, update

from storage.contract import ReadTx
from storage.sql import tables
from storage.sql.artifact_tasks import _Statements as LinkStatements
from storage.sql.prepared import EXPANSIONS_MAX, Prepared, PreparedStatements
from storage.sql.runs import _GET_SHOWN
from storage.sql.store import SqlStore
from storage.sql.tasks import _Statements as TaskStatements
from tests.contract.builders import a_link, a_run, a_task, an_artifact, keep
from tests.contract.test_linked_tasks import full_task
from tests.contract.watching import Statement, statements


async def by_sqlalchemy(store: SqlStore, statement: Any, values: dict[str, Any]) -> tuple[Statement, list[Any]]:
    """What SQLAlchemy sends, and the rows that it returns."""

    async def read(tx: Any) -> list[Any]:
        executed = tx.tasks._connection
        on_server = store.dialect.many_processes
        connection = executed._session.connection if on_server else executed._turn
        return [tuple(row) for row in await connection.execute(statement, values)]

    with statements(store) as log:
        rows = await store.read(read)
    return log[-1], rows


async def by_the_driver(store: SqlStore, statement: Any, values: dict[str, Any]) -> tuple[Statement, list[Any]]:
    async def read(tx: Any) -> list[Any]:
        return [tuple(row) for row in (await tx.tasks._connection.execute(statement, values)).all()]

    with statements(store) as log:
        rows = await store.read(read)
    return log[-1], rows


async def test_the_same_is_sent_and_the_same_rows_come_back(store: SqlStore) -> None:
    task, links, _ = await full_task(store)
    of_tasks, of_links = TaskStatements(store.dialect), LinkStatements(store.dialect)
    ids = store.dialect.text_list([task.id, "nobody", "nobody else"])
    cases: list[tuple[ClauseElement, dict[str, Any]]] = [
        (of_tasks.get, {"id": task.id}),
        (of_tasks.linked, {"task_id": task.id, "run_id": task.run_id}),
        (of_tasks.heads, {"ids": ids}),
        (of_tasks.outlines, {"run_id": task.run_id, "limit": 9, "parameter_characters": 2}),
        (of_tasks.cached, {"cache_fingerprint": "x"}),
        (of_tasks.running_leaf, {"run_id": task.run_id}),
        (of_links.of_tasks, {"ids": ids}),
        (_GET_SHOWN, {"run_id": task.run_id}),  # it has a truth value
    ]
    for statement, values in cases:
        sent, rows = await by_sqlalchemy(store, statement, values)
        sent_now, rows_now = await by_the_driver(store, statement, values)
        assert (sent_now.text, tuple(sent_now.parameters)) == (sent.text, tuple(sent.parameters))
        assert sorted(rows_now, key=repr) == sorted(rows, key=repr)
        assert [type(value) for row in rows_now for value in row] == [type(value) for row in rows for value in row]
    assert len(links) == 3


def test_columns_of_an_insert_are_those_that_values_are_for(store: SqlStore) -> None:
    dialect = store.sync_engines[0].dialect
    prepared = PreparedStatements(dialect)
    statement = insert(tables.artifacts)
    short, long = ({"id": "a", "type": 1}, {"id": "a", "type": 1, "name": "n"})
    assert "name" not in prepared.of(statement, short).bind(short)[0]
    assert "name" in prepared.of(statement, long).bind(long)[0]
    assert prepared.of(statement, short) is prepared.of(statement, short)


def test_a_value_that_is_missing_is_an_error(store: SqlStore) -> None:
    prepared = PreparedStatements(store.sync_engines[0].dialect)
    statement = update(tables.tasks).where(tables.tasks.c.id == bindparam("task_id")).values(name=bindparam("name"))
    with pytest.raises(KeyError, match="task_id"):
        prepared.of(statement, {"name": "x"}).bind({"name": "x"})


def test_what_nobody_holds_is_forgotten(store: SqlStore) -> None:
    prepared = PreparedStatements(store.sync_engines[0].dialect)
    for name in ("id", "name", "uri"):
        prepared.of(select(tables.artifacts.c[name]), {})
    gc.collect()
    assert len(prepared._forms) == 0


async def test_few_texts_of_a_statement_with_lists_are_kept(store: SqlStore) -> None:
    statement = select(tables.tasks.c.id).where(tables.tasks.c.type.in_(bindparam("types", expanding=True)))
    prepared = Prepared(statement, store.sync_engines[0].dialect, ["types"], many=False)
    for length in range(2 * EXPANSIONS_MAX):
        types = list(range(length))
        assert list(prepared.bind({"types": types})[1]) == types
    assert len(prepared._expanded) == EXPANSIONS_MAX


async def gathered(tx: ReadTx, lists: Sequence[Sequence[str]]) -> list[Any]:
    return [await tx.artifact_tasks.of_tasks(ids) for ids in lists]


async def test_lists_of_one_statement_have_their_own_values(store: SqlStore) -> None:
    run = a_run()
    task, artifact = a_task(run.id), an_artifact()
    await keep(store, run, task, artifact, a_link(task, artifact))
    lists = ([task.id], ["nobody", task.id], ["nobody"])
    found = await store.read(lambda tx: gathered(tx, lists))
    assert [len(each) for each in found] == [1, 1, 0]
