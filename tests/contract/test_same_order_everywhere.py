"""Every list, by every key it can be sorted by, in both directions: the order Python computes from the bytes, page by page."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from storage.fields import (
    ARTIFACT_LIST,
    ARTIFACT_TASK_LIST,
    EXPERIMENT_LIST,
    PIPELINE_LIST,
    PIPELINE_VERSION_LIST,
    RUN_LIST,
    TASK_LIST,
    Field,
    FieldKind,
    Listable,
)
from storage.sql.store import SqlStore
from tests.contract.builders import (
    Record,
    a_link,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)
from tests.contract.listings import Ask, all_pages, ids_of, listing

LONG = "é" * 250 + "😀"
IDS = ["b", "a", "B", "é", "e\u0301", "😀", "\uffff", "a ", "_", "10", "9", "Z" * 191, "~", "ab"]
SHORT = ["", "a", "A", "a ", "ä", "z", "Z", "_", "é", "e\u0301", "😀", "\uffff", "10", "9"]
TEXTS: dict[bool, list[str]] = {
    False: SHORT,
    True: [LONG + "aaaa" + tail for tail in ("b", "a", "ab", "", "c" * 600)] + [LONG + "aaa", LONG + "aab", *SHORT[:8]],
}
NUMBERS = [0.0, -0.0, 1.5, -1.5, 1e300, -1e300, 0.1, 0.1 + 0.2, 0.3, 5e-324, 7.0, 7.0]
TIMES = [0, -1, 1, -62_135_596_800_000_000, 253_402_300_799_999_999, 1_700_000_000_000_000, 1_700_000_000_000_001]
COUNTS = [0, 3, 1, -1, 2**31 - 1, -(2**31), 2]


def values_of(field: Field) -> list[Any]:
    """Values of a field that some database might order in its own way."""
    values: dict[FieldKind, Sequence[Any]] = {
        FieldKind.NUMBER: NUMBERS,
        FieldKind.TIME: TIMES,
        FieldKind.NUMBERED_ENUM: COUNTS,
        FieldKind.NAMED_ENUM: ["RUNNING", "FAILED", "AVAILABLE", ""],
    }
    examples = list(values.get(field.kind, TEXTS[field.long]))
    return [None, *examples, None] if field.nullable else examples


def rows_like(record: Record, listable: Listable, *, fixed: Sequence[str] = ()) -> list[Any]:
    """Rows of every id whose fields, but the fixed ones, go through their values at different paces."""
    fields = {field.column: field for field in listable.fields.values() if field.column not in ("id", *fixed)}
    rows = []
    for number, id in enumerate(IDS):
        changes: dict[str, Any] = {}
        for pace, (column, field) in enumerate(fields.items(), 1):
            values = values_of(field)
            changes[column] = values[(number * pace + pace) % len(values)]
        rows.append(replace(record, id=id, **changes))
    return rows


def in_order(rows: Sequence[Any], field: Field, *, descending: bool) -> list[str]:
    """The ids of the rows as they must list."""

    def key(row: Any) -> tuple[bool, Any, bytes]:
        value = getattr(row, field.column)
        if isinstance(value, str):
            value = (value[:255] if field.long else value).encode()
        return value is not None, 0 if value is None else value, row.id.encode()

    return [row.id for row in sorted(rows, key=key, reverse=descending)]


async def assert_in_order(store: SqlStore, listable: Listable, rows: Sequence[Any], ask: Ask) -> None:
    sortable = [field for field in listable.fields.values() if field.sortable]
    for field in sortable:
        for descending in (False, True):
            request = listing(listable, f"{field.key} {'desc' if descending else 'asc'}", page_size=3)
            ids = ids_of(await all_pages(store, ask, request))
            assert ids == in_order(rows, field, descending=descending), f"{field.key}, descending {descending}"


async def test_tasks_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    run = a_run()
    rows = rows_like(a_task(run.id), TASK_LIST, fixed=["run_id"])
    await keep(store, run, *rows)
    await assert_in_order(
        store, TASK_LIST, rows, lambda tx, page: tx.tasks.list(page, run_id=run.id, parent_task_id=None)
    )


async def test_artifacts_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    rows = rows_like(an_artifact(), ARTIFACT_LIST)
    await keep(store, *rows)
    await assert_in_order(store, ARTIFACT_LIST, rows, lambda tx, page: tx.artifacts.list(page, namespace=None))


async def test_links_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    run = a_run()
    tasks, artifacts = [a_task(run.id, id=id) for id in SHORT[:5]], [an_artifact(id=id) for id in SHORT[:7]]
    link = a_link(tasks[0], artifacts[0])
    records = rows_like(link, ARTIFACT_TASK_LIST, fixed=["run_id", "task_id", "artifact_id"])
    rows = [
        replace(row, task_id=SHORT[number % 5], artifact_id=SHORT[number % 7], iteration=number)
        for number, row in enumerate(records)
    ]
    await keep(store, run, *tasks, *artifacts, *rows)
    await assert_in_order(
        store,
        ARTIFACT_TASK_LIST,
        rows,
        lambda tx, page: tx.artifact_tasks.list(page, task_ids=[], run_ids=[run.id], artifact_ids=[], type=None),
    )


@pytest.mark.parametrize("with_spec", [True, False])
async def test_runs_list_in_the_same_order_everywhere(store: SqlStore, with_spec: bool) -> None:
    rows = rows_like(a_run(pipeline_spec="{}"), RUN_LIST)
    await keep(store, *rows)
    await assert_in_order(
        store,
        RUN_LIST,
        rows,
        lambda tx, page: tx.runs.list(page, experiment_id=None, namespace=None, with_spec=with_spec),
    )


async def test_experiments_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    default = await store.read(lambda tx: tx.experiments.default_id())
    await store.write(lambda tx: tx.experiments.delete(default))
    rows = [
        replace(row, name=id)
        for row, id in zip(rows_like(an_experiment(), EXPERIMENT_LIST), reversed(SHORT), strict=True)
    ]
    await keep(store, *rows)
    await assert_in_order(store, EXPERIMENT_LIST, rows, lambda tx, page: tx.experiments.list(page, namespace=None))


async def test_pipelines_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    rows = [
        replace(row, name=id) for row, id in zip(rows_like(a_pipeline(), PIPELINE_LIST), reversed(SHORT), strict=True)
    ]
    await keep(store, *rows)
    await assert_in_order(store, PIPELINE_LIST, rows, lambda tx, page: tx.pipelines.list(page, namespace=None))


async def test_pipeline_versions_list_in_the_same_order_everywhere(store: SqlStore) -> None:
    pipeline = a_pipeline()
    records = rows_like(a_version(pipeline.id), PIPELINE_VERSION_LIST)
    rows = [replace(row, name=id) for row, id in zip(records, reversed(SHORT), strict=True)]
    await keep(store, pipeline, *rows)
    ask: Callable[..., Any] = lambda tx, page: tx.pipeline_versions.list(page, pipeline_id=pipeline.id, with_spec=True)  # noqa: E731
    await assert_in_order(store, PIPELINE_VERSION_LIST, rows, ask)


async def artifacts_by(store: SqlStore, sort: str, *rows: Record) -> list[str]:
    await keep(store, *rows)
    ask: Ask = lambda tx, page: tx.artifacts.list(page, namespace=None)  # noqa: E731
    return ids_of(await all_pages(store, ask, listing(ARTIFACT_LIST, sort, page_size=2)))


async def test_rows_with_equal_sort_values_are_sorted_by_id_in_the_same_direction(store: SqlStore) -> None:
    assert await artifacts_by(store, "name", *(an_artifact(id=id) for id in "bCa")) == ["C", "a", "b"]
    assert await artifacts_by(store, "name desc") == ["b", "a", "C"]


async def test_text_is_sorted_by_its_bytes(store: SqlStore) -> None:
    words = ["a ", "Z", "a", "😀", "ä", "\uffff", "z", "A"]
    assert await artifacts_by(store, "name", *(an_artifact(id=word, name=word) for word in words)) == [
        *("A", "Z", "a", "a ", "z", "ä", "\uffff", "😀")
    ]


async def test_long_text_is_sorted_by_its_first_255_characters(store: SqlStore) -> None:
    texts = {"1": "é" * 255 + "b", "2": "é" * 255 + "a", "3": "é" * 254 + "zz", "4": "é" * 300}
    rows = [an_artifact(id=id, description=text) for id, text in texts.items()]
    assert await artifacts_by(store, "description", *rows) == ["3", "1", "2", "4"]


async def test_null_is_sorted_before_every_value(store: SqlStore) -> None:
    numbers = {"1": 0.0, "2": None, "3": -1e300, "4": None}
    rows = [an_artifact(id=id, number_value=number) for id, number in numbers.items()]
    assert await artifacts_by(store, "number_value", *rows) == ["2", "4", "3", "1"]
    assert await artifacts_by(store, "number_value desc") == ["1", "3", "4", "2"]
