"""The body of a request whose handler runs before it has come whole: pieces as they come, no faster than they are taken."""

import asyncio
from collections import deque
from collections.abc import Callable

_HIGH_WATER_BYTES = 256 * 1024
"""From this many bytes on that the handler has not taken, nothing more is read from the connection."""


class BodyStream:
    """Pieces of a body, as an asynchronous iterator for one handler; the connection's reader feeds it.

    A handler whose body breaks off, or is refused, is cancelled: it never takes a part for the whole.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self.on_taken: Callable[[], None] = lambda: None
        """Called when the handler has taken a piece."""
        self._pieces = deque[bytes]()
        self._bytes = 0
        self._news = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether the handler should take some before more is read."""
        return self._bytes >= _HIGH_WATER_BYTES

    def feed(self, piece: bytes) -> None:
        """Add a piece."""
        self._pieces.append(piece)
        self._bytes += len(piece)
        self._news.set()

    def end(self) -> None:
        """Say that the body is complete."""
        self.is_complete = True
        self._news.set()

    def __aiter__(self) -> "BodyStream":
        """Return itself: a body can be read once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece, never an empty one."""
        while not self._pieces:
            if self.is_complete:
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        self.on_taken()
        return piece
