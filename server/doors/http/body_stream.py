"""A request body as a stream of pieces, with backpressure, for handlers that run before the body is complete."""

import asyncio
from collections import deque
from collections.abc import Callable

_HIGH_WATER_BYTES = 256 * 1024
"""When the handler has this many bytes still to read, the connection stops reading from the client."""


class BodyStream:
    """An asynchronous iterator over the pieces of a body, for one handler; the request reader feeds it.

    If the connection is lost or the body is refused, the handler is cancelled: it never mistakes a partial body for a
    complete one.
    """

    def __init__(self) -> None:
        self.is_complete = False
        self.on_read: Callable[[], None] = lambda: None
        """Called after the handler has read a piece."""
        self._pieces = deque[bytes]()
        self._bytes = 0
        self._arrival = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether the connection should stop reading until the handler has read more."""
        return self._bytes >= _HIGH_WATER_BYTES

    def feed(self, piece: bytes) -> None:
        """Add a piece."""
        self._pieces.append(piece)
        self._bytes += len(piece)
        self._arrival.set()

    def end(self) -> None:
        """Mark the body as complete."""
        self.is_complete = True
        self._arrival.set()

    def __aiter__(self) -> "BodyStream":
        """Return the stream itself: a body can be read only once."""
        return self

    async def __anext__(self) -> bytes:
        """Return the next piece, never an empty one."""
        while not self._pieces:
            if self.is_complete:
                raise StopAsyncIteration
            self._arrival.clear()
            await self._arrival.wait()
        piece = self._pieces.popleft()
        self._bytes -= len(piece)
        self.on_read()
        return piece
