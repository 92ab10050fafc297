"""What must come to its end does, although its task is cancelled."""

import asyncio

import pytest

from server.doors.grpc.uncancelled import uncancelled


class Work:
    """Waits for two events, one after the other."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.first, self.second = loop.create_future(), loop.create_future()
        self.is_done = False

    async def run(self) -> str:
        """Return what both say."""
        try:
            return await self.first + await self.second
        finally:
            self.is_done = True


async def test_it_returns_what_was_awaited() -> None:
    work = Work()
    task = asyncio.create_task(uncancelled(work.run()))
    for future, text in ((work.first, "a"), (work.second, "b")):
        await asyncio.sleep(0)
        future.set_result(text)
    assert await task == "ab"


async def test_it_raises_what_was_raised() -> None:
    work = Work()
    work.first.set_exception(LookupError("of the work"))
    with pytest.raises(LookupError, match="of the work"):
        await uncancelled(work.run())


@pytest.mark.parametrize("end", ["result", "exception"])
@pytest.mark.parametrize("is_late", [False, True], ids=["in the same moment", "later"])
async def test_it_goes_on_alone_when_its_task_is_cancelled(end: str, is_late: bool) -> None:
    work = Work()
    task = asyncio.create_task(uncancelled(work.run()))
    await asyncio.sleep(0)
    if not is_late:
        work.first.set_result("a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not work.is_done
    if is_late:
        work.first.set_result("a")
    await asyncio.sleep(0)
    if end == "result":
        work.second.set_result("b")
    else:
        work.second.set_exception(LookupError)
    for _ in range(3):
        await asyncio.sleep(0)
    assert work.is_done
