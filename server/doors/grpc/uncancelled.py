"""Awaiting what must come to its end although whoever awaits it is cancelled. The gRPC door reads its messages with it."""

import asyncio
from collections.abc import Awaitable, Generator
from functools import partial
from types import coroutine
from typing import Any, TypeVar

Answer = TypeVar("Answer")


@coroutine
def uncancelled(awaitable: Awaitable[Answer]) -> Generator[Any, None, Answer]:
    """Return what the awaitable returns, which may wait for futures only. If the task is cancelled, it goes on alone.

    grpcio 1.85 takes a message over from its core when the coroutine that waits for it is resumed; if that has been cancelled
    meanwhile, the message is in memory for ever. As asyncio.shield, but without a task of its own, which every call would pay for.
    """
    steps = awaitable.__await__()
    while True:
        try:
            future = next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        future._asyncio_future_blocking = False  # what a task does with what a coroutine yields to it
        # Not for itself: if a task is cancelled, what it waits for is.
        waiter = future.get_loop().create_future()
        future.add_done_callback(partial(_wake, waiter))
        try:
            yield from waiter
        except asyncio.CancelledError:
            future.add_done_callback(partial(_go_on, steps))
            raise


def _wake(waiter: "asyncio.Future[None]", _: "asyncio.Future[Any]") -> None:
    if not waiter.done():
        waiter.set_result(None)


def _go_on(steps: Generator[Any, Any, Any], _: "asyncio.Future[Any]") -> None:
    try:
        future = next(steps)
    except BaseException:  # noqa: BLE001 - its end, or an error that nobody waits for
        return
    future._asyncio_future_blocking = False
    future.add_done_callback(partial(_go_on, steps))
