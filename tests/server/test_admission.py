"""How many calls and bytes a process takes at once."""

import asyncio

import pytest

from server.calls.admission import Admission, Admitted
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
