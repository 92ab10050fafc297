"""Callers take turns for places."""

import asyncio

import pytest

from server.calls.places import Places
from tests.faults.waiting import until


class Holding:
    """Calls that hold a place until they are told to end, and the order in which they got one."""

    def __init__(self, places: Places) -> None:
        self.places, self.order = places, list[str]()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.ends: dict[str, asyncio.Event] = {}

    async def ask(self, name: str, peer: str) -> None:
        """Begin to wait for a place."""
        self.ends[name] = asyncio.Event()

        async def hold() -> None:
            async with self.places.place(peer):
                self.order.append(name)
                await self.ends[name].wait()

        self.tasks[name] = asyncio.create_task(hold())
        await asyncio.sleep(0)

    async def end(self, name: str) -> None:
        """End a call that has a place."""
        self.ends[name].set()
        await self.tasks[name]
        await asyncio.sleep(0)


@pytest.fixture
def holding() -> Holding:
    """Calls for two places."""
    return Holding(Places(2))


async def test_hosts_take_turns_and_calls_of_one_do_in_order(holding: Holding) -> None:
    for name in ("a1", "a2", "a3", "a4", "a5"):
        await holding.ask(name, f"ipv4:10.0.0.1:{name[1]}")
    await holding.ask("b1", "ipv4:10.0.0.2:1")
    await holding.ask("c1", "ipv6:%5B::1%5D:1")
    assert holding.order == ["a1", "a2"]
    for name in ("a1", "a2", "a3", "b1", "c1"):
        await holding.end(name)
    assert holding.order == ["a1", "a2", "a3", "b1", "c1", "a4", "a5"]


async def test_who_leaves_while_he_waits_takes_no_place(holding: Holding) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        await holding.ask(name, "ipv4:10.0.0.1:1")
    holding.tasks["a3"].cancel()
    await asyncio.sleep(0)
    await holding.end("a1")
    assert holding.order == ["a1", "a2", "a4"]


async def test_a_place_that_is_given_to_one_who_leaves_is_given_on(holding: Holding) -> None:
    for name in ("a1", "a2", "a3", "a4"):
        await holding.ask(name, "ipv4:10.0.0.1:1")
    holding.ends["a1"].set()
    await asyncio.sleep(0)
    holding.tasks["a3"].cancel()  # which has been given the place, and has not run since
    await until(lambda: "a4" in holding.order)
    assert holding.order == ["a1", "a2", "a4"]


async def test_places_that_nobody_wants_are_free_again(holding: Holding) -> None:
    for name in ("a1", "a2"):
        await holding.ask(name, "ipv4:10.0.0.1:1")
    for name in ("a1", "a2"):
        await holding.end(name)
    for name in ("b1", "b2", "b3"):
        await holding.ask(name, "ipv4:10.0.0.2:1")
    assert holding.order == ["a1", "a2", "b1", "b2"]
