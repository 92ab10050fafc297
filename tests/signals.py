"""A signal that callbacks of Store.write can await wherever they run: on the event loop, or on a writer's thread, which it blocks."""

import asyncio
import threading

HANGING_SECONDS = 60
_STEP_SECONDS = 0.002


class Signal:
    """Like asyncio.Event, also in a coroutine that must not suspend because no event loop runs it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Let go all that wait, now and later."""
        self._event.set()

    async def wait(self) -> None:
        """Wait until it is set."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            assert self._event.wait(HANGING_SECONDS)
            return
        while not self._event.is_set():  # noqa: ASYNC110 - a thread may set it
            await asyncio.sleep(_STEP_SECONDS)
