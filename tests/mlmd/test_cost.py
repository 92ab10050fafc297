"""Reading costs a fixed number of statements a batch, whatever is in it, and mapping grows with a run and no faster."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from migrations.mlmd.read.store import open_store
from tests.mlmd.builders import a_group, a_root, an_artifact, an_event, an_execution, mapped
from tests.mlmd.reading import STORES, read_all

ROWS = {"Execution": 116, "Artifact": 41, "Context": 26, "Event": 67, "Association": 232, "Attribution": 91}
OWNERS = {"execution_id": 116, "artifact_id": 41, "context_id": 26, "event_id": 67, "parent_context_id": 26}


def multiplied(path: Path, times: int) -> str:
    """Make a store of so many copies of kfp_main and return its URL."""
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        tables = [n for n in names if n in ROWS or n.endswith("Property") or n in ("EventPath", "ParentContext")]
        tables.remove("TypeProperty")
        for table in tables:
            connection.execute(f"CREATE TEMP TABLE source_{table} AS SELECT * FROM {table}")
        for copy in range(1, times):
            for table in tables:
                columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
                moved = ", ".join(_moved(table, column, copy) for column in columns)
                connection.execute(f"INSERT INTO {table} SELECT {moved} FROM temp.source_{table}")
    return f"sqlite:///{path}"


def _moved(table: str, column: str, copy: int) -> str:
    if column == "id":
        return f"id + {ROWS[table] * copy}"
    if column in OWNERS:
        return f"{column} + {OWNERS[column] * copy}"
    if table == "ExecutionProperty" and column == "int_value":
        return f"CASE WHEN name = 'parent_dag_id' THEN int_value + {116 * copy} ELSE int_value END"
    if table in ("Context", "Execution") and column == "name":
        return f"CASE WHEN name IS NULL THEN NULL ELSE substr(name, 1, 4) || '{copy:04d}' || substr(name, 9) END"
    return column


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """Every statement that any engine sends."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield sent
    event.remove(Engine, "before_cursor_execute", note)


async def test_a_batch_costs_the_same_statements_whatever_is_in_it(tmp_path: Path, statements: list[str]) -> None:
    counts: dict[int, int] = {}
    for times in (1, 20):
        async with open_store(multiplied(tmp_path / f"{times}.sqlite", times)) as store:
            statements.clear()
            batches = [len(batch.runs) async for batch in store.runs(executions_per_batch=4000)]
            assert batches == [16 * times]
            counts[times] = len(statements)
    assert counts[1] == counts[20] <= 22


async def test_opening_costs_the_same_statements_whatever_is_in_it(tmp_path: Path, statements: list[str]) -> None:
    counts = []
    for times in (1, 10):
        url = multiplied(tmp_path / f"{times}.sqlite", times)
        statements.clear()
        async with open_store(url):
            counts.append(len(statements))
    assert counts[0] == counts[1]


async def test_a_store_of_copies_becomes_copies(tmp_path: Path) -> None:
    imported = await read_all(multiplied(tmp_path / "mlmd.sqlite", 5), executions_per_batch=100)
    assert (len(imported.runs), len(imported.tasks), len(imported.artifacts)) == (80, 520, 235)
    assert imported.survey.events == 5 * 67
    assert imported.counts()["ITERATIONS_FOLDED"] == 60


def test_mapping_a_run_takes_work_in_proportion_to_it() -> None:
    # Four times the run may make little more than four times the calls; a quadratic rule would make sixteen times.
    assert calls_of_mapping(400) < 5 * calls_of_mapping(100)


def calls_of_mapping(items: int) -> int:
    """Return how many function calls the mapping of a loop with so many iterations makes."""
    loop = {"iteration_count": items, "artifact_producer_task": SELECTORS}
    rows = [a_root(), a_group(2, "for-loop-1", **loop)]
    events, artifacts = [], []
    for index in range(items):
        iteration, step = 10 + 2 * index, 11 + 2 * index
        rows.append(a_group(iteration, "for-loop-1", parent=2, iteration_index=index, artifact_producer_task=SELECTORS))
        rows.append(an_execution(step, "step", parent=iteration))
        events.append(an_event(step, step))
        artifacts.append(an_artifact(step))
    counted = 0

    def count(_frame: object, kind: str, _argument: object) -> None:
        nonlocal counted
        counted += kind in ("call", "c_call")

    sys.setprofile(count)
    try:
        records = mapped(rows, events, artifacts)
    finally:
        sys.setprofile(None)
    assert len(records.links) == 2 * items
    return counted


SELECTORS = '{"all": {"artifact_selectors": [{"producer_subtask": "step", "output_artifact_key": "out"}]}}'
