"""Long work lets the event loop go on between its slices; short work does not."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace

import pytest

from storage import slices
from storage.slices import give_way_while, in_slices


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


async def test_calls_with_large_work_have_their_turns_in_order_and_one_slice_per_round(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(slices, "TURN_SECONDS", 60.0)
    done: list[str] = []
    async with counted() as rounds:
        await asyncio.gather(*(in_slices(range(100), lambda _, name=name: done.append(name)) for name in "abc"))
    # Of each the first slice, then all of one after all of another.
    assert [name for name, _ in itertools.groupby(done)] == ["a", "b", "c", "a", "b", "c"]
    assert rounds[0] >= 3 * 98


async def test_a_turn_ends_so_that_longer_work_does_not_hold_up_shorter_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    monkeypatch.setattr(slices, "TURN_SECONDS", 0.0001)
    ended: list[str] = []

    async def call(name: str, count: int) -> None:
        await in_slices(range(count), lambda _: time.sleep(0.0001))
        ended.append(name)

    await asyncio.gather(call("long", 200), call("short", 3))
    assert ended == ["short", "long"]


@pytest.mark.parametrize("gives_way", [True, False])
async def test_large_work_takes_half_of_the_time_while_it_gives_way(
    monkeypatch: pytest.MonkeyPatch, *, gives_way: bool
) -> None:
    paused: list[float] = []

    async def note(seconds: float) -> None:
        paused.append(seconds)
        await asyncio.sleep(seconds)

    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    # Not for other tasks of this loop, such as those of servers that tests share.
    monkeypatch.setattr(slices, "asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": note}))
    give_way_while(lambda: gives_way)
    await in_slices(range(10), lambda _: time.sleep(0.002))
    assert len(paused) == 10
    assert all(seconds >= 0.002 if gives_way else seconds == 0 for seconds in paused)


async def test_a_call_that_is_given_up_lets_the_next_one_have_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0.0)
    gone = asyncio.create_task(in_slices(itertools.count(), lambda _: None))
    await asyncio.sleep(0.001)
    next_one = asyncio.create_task(in_slices(range(10), lambda _: None))
    await asyncio.sleep(0.001)
    gone.cancel()
    async with asyncio.timeout(5):
        await next_one
