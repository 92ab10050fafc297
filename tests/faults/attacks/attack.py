"""What the attacks have in common: a target, an end, and clients that strike until then."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager

import grpc

from tests.faults.attacks.target import Target

REFUSALS = (grpc.aio.AioRpcError, OSError, AssertionError, EOFError, TimeoutError)


class Attack:
    """One attack: until when it goes on, from its first strike, and how often it has struck."""

    def __init__(self, target: Target, seconds: float) -> None:
        self.target, self._seconds, self.count = target, seconds, 0
        self._end = float("inf")

    def rounds(self) -> Iterator[int]:
        """Numbers, for as long as the attack goes on."""
        return itertools.takewhile(lambda _: self.seconds_left(), itertools.count())

    def seconds_left(self) -> float:
        """How long it still goes on."""
        return max(self._end - time.monotonic(), 0.0)

    async def repeat(self, clients: int, strike: Callable[[int], Awaitable[object]]) -> None:
        """Strike again and again from several clients at once, whatever the server does; strikes have different numbers."""

        self._end = time.monotonic() + self._seconds

        async def client(number: int) -> None:
            for turn in self.rounds():
                self.count += 1
                with contextlib.suppress(*REFUSALS):
                    await strike(number + clients * turn)
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(client(number)) for number in range(clients)]
        await asyncio.wait(tasks, timeout=self.seconds_left())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def hold(self, clients: int, held: Callable[[], AbstractAsyncContextManager[object]]) -> None:
        """Have each of several clients open something and hold it open until the end, anew if it could not."""

        async def strike(_: int) -> None:
            async with held():
                await asyncio.sleep(self.seconds_left())

        await self.repeat(clients, strike)
