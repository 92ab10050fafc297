"""Many rows become records in slices, on an event loop; on a thread of their own they need none."""

import asyncio
from types import SimpleNamespace

import pytest
from sqlalchemy import Connection, Result, create_engine, text

from storage import slices
from storage.sql.rows import ROWS_AT_ONCE, records

ROWS = 4 * ROWS_AT_ONCE
NUMBERS = text("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) SELECT i FROM n")


def numbers(connection: Connection, count: int) -> Result[tuple[int]]:
    return connection.execute(NUMBERS, {"count": count})


@pytest.mark.parametrize("count", [1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1, ROWS])
async def test_every_row_becomes_a_record_in_order(count: int) -> None:
    with create_engine("sqlite://").connect() as connection:
        assert await records(numbers(connection, count), lambda row: row[0]) == list(range(1, count + 1))


async def test_others_go_on_between_slices_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    fake = SimpleNamespace(**vars(asyncio) | {"sleep": sleep})
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(slices, "asyncio", fake)
    with create_engine("sqlite://").connect() as connection:
        await records(numbers(connection, ROWS), lambda row: row[0])
    assert len(pauses) == ROWS // ROWS_AT_ONCE - 1


def test_a_thread_without_an_event_loop_never_suspends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    with create_engine("sqlite://").connect() as connection, pytest.raises(StopIteration) as end:
        records(numbers(connection, ROWS), lambda row: row[0]).send(None)
    assert len(end.value.value) == ROWS
