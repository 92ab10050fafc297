"""How many calls and bytes a process takes at once."""

import asyncio

import pytest

from server.calls import admission as limits
from server.calls.admission import SMALL_SIZE, Admission, Admitted, Holding
from server.errors import ResourceExhausted

HANGING_SECONDS = 20


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def reserving(call: Admitted, count: int) -> asyncio.Task[None]:
    return asyncio.create_task(call.reserve(count))


def test_one_call_too_many_is_refused_at_once_until_another_has_left() -> None:
    admission = Admission(calls_max=2, bytes_max=100)
    first, _ = admission.enter(), admission.enter()
    with pytest.raises(ResourceExhausted) as refused:
        admission.enter()
    assert refused.value.reason == "TOO_MANY_CALLS"
    first.leave()
    first.leave()
    assert admission.calls == 1
    admission.enter()


async def test_bytes_are_waited_for_in_the_order_of_asking() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    calls = [admission.enter() for _ in range(4)]
    await calls[0].reserve(60)
    large, small = reserving(calls[1], 50), reserving(calls[2], 10)
    await settled()
    assert (large.done(), small.done()) == (False, False)  # the small one would fit, but came later
    calls[0].leave()
    await settled()
    assert (large.done(), small.done(), admission.bytes) == (True, True, 60)


async def test_what_is_larger_than_the_budget_is_taken_when_nothing_else_is_held() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    first, large = admission.enter(), admission.enter()
    await first.reserve(1)
    waiting = reserving(large, 500)
    await settled()
    assert not waiting.done()
    first.leave()
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    assert admission.bytes == 500


async def test_holding_less_than_was_reserved_makes_room_for_others() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    first, second = admission.enter(), admission.enter()
    await first.reserve(90)
    waiting = reserving(second, 50)
    await settled()
    first.hold(20)
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    assert admission.bytes == 70
    first.hold(200)  # more than there is room for: it is there already
    assert admission.bytes == 250


async def test_a_caller_that_goes_away_while_it_waits_leaves_nothing_behind() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    first, second, third = (admission.enter() for _ in range(3))
    await first.reserve(90)
    gone, waiting = reserving(second, 50), reserving(third, 60)
    await settled()
    gone.cancel()
    first.hold(40)
    await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    for call in (first, second, third):
        call.leave()
    assert (admission.calls, admission.bytes) == (0, 0)


async def test_a_caller_that_goes_away_as_room_is_made_for_it_leaves_nothing_behind() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    first, second, third = (admission.enter() for _ in range(3))
    await first.reserve(90)
    gone, waiting = reserving(second, 50), reserving(third, 60)
    await settled()
    first.leave()  # room for the second, not for the third
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    second.leave()
    third.leave()
    assert (admission.calls, admission.bytes) == (0, 0)


async def test_small_requests_do_not_wait_for_large_ones() -> None:
    admission = Admission(calls_max=10, bytes_max=10 * SMALL_SIZE)
    first, large, small, larger = (admission.enter() for _ in range(4))
    await first.reserve(8 * SMALL_SIZE)
    waiting = reserving(large, 5 * SMALL_SIZE)
    await settled()
    assert small.take(SMALL_SIZE)
    assert not larger.take(SMALL_SIZE + 1)
    first.leave()
    await settled()
    assert waiting.done()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients have stalled as soon as they make no progress."""
    monkeypatch.setattr(limits, "STALLED_SECONDS", 0.0)
    monkeypatch.setattr(limits, "LOOK_SECONDS", 0.001)


class Clients:
    """Holders that wait for their clients, and leave when they are to give up."""

    def __init__(self, admission: Admission) -> None:
        self._admission, self.given_up = admission, list[str]()

    def holder(
        self, name: str, count: int, *, is_arriving: bool = False, grace_seconds: float = 0.0, peer: str = ""
    ) -> Holding:
        """A holder of so many bytes."""
        holding = self._admission.holding()
        assert holding.take(count)

        def give_up() -> None:
            self.given_up.append(name)
            holding.leave()

        holding.await_client(give_up, is_arriving=is_arriving, grace_seconds=grace_seconds, peer=peer)
        return holding


@pytest.mark.usefixtures("impatient")
async def test_who_waits_gets_the_room_of_those_whose_clients_have_stalled_for_longest() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    clients = Clients(admission)
    first = clients.holder("first", 30)
    clients.holder("second", 30)
    clients.holder("patient", 30, grace_seconds=1_000)
    first.progressed()
    waiting = reserving(admission.enter(), 30)
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    assert clients.given_up == ["second"]


@pytest.mark.usefixtures("impatient")
async def test_peers_with_most_stalled_clients_make_room_first() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    clients = Clients(admission)
    for name, peer in (("first", "honest"), ("second", ""), ("third", ""), ("fourth", "many"), ("fifth", "many")):
        clients.holder(name, 20, peer=peer)
    waiting = reserving(admission.enter(), 40)
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting
    assert clients.given_up == ["fourth", "fifth"]


@pytest.mark.usefixtures("impatient")
async def test_clients_may_stall_as_long_as_nobody_waits_and_work_is_not_given_up() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    clients = Clients(admission)
    clients.holder("stalled", 40)
    working = clients.holder("working", 60)
    working.client_done()
    await asyncio.sleep(0.05)
    assert clients.given_up == []
    waiting = reserving(admission.enter(), 60)
    await asyncio.sleep(0.05)
    assert (clients.given_up, waiting.done()) == (["stalled"], False)
    working.leave()
    async with asyncio.timeout(HANGING_SECONDS):
        await waiting


async def test_of_arriving_requests_the_newest_are_given_up_when_more_arrives_than_may_be_held() -> None:
    admission = Admission(calls_max=10, bytes_max=100)
    clients = Clients(admission)
    clients.holder("working", 20)
    arriving = [clients.holder(name, 10, is_arriving=True) for name in ("a", "b", "c", "d")]
    arriving[1].arrived(50)
    assert (clients.given_up, admission.bytes) == ([], 100)
    arriving[0].arrived(25)
    assert (clients.given_up, admission.bytes) == (["d", "c"], 95)
    arriving[0].arrived(55)
    assert (clients.given_up, admission.bytes) == (["d", "c", "b"], 75)
