"""Long work lets the event loop go on between its slices; short work does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from storage import slices
from storage.slices import in_slices


@contextlib.asynccontextmanager
async def counted() -> AsyncIterator[list[int]]:
    """Count, in the list, how often something else runs in the meantime."""
    turns = [0]

    async def count() -> None:
        while True:
            turns[0] += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    try:
        yield turns
    finally:
        other.cancel()


async def test_others_go_on_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    done: list[int] = []
    async with counted() as turns:
        await in_slices(range(100), done.append)
    assert done == list(range(100))
    assert turns[0] >= 99


async def test_work_of_less_than_a_slice_is_not_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 60.0)
    async with counted() as turns:
        await in_slices(range(100), lambda _: None)
    assert turns[0] == 0


async def test_a_failure_ends_the_work() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_slices([1, 0, 1], lambda number: 1 / number)
