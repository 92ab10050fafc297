"""HTTP/2 by hand: gRPC calls in raw frames, for what no library would send. Called by attackers."""

import asyncio
import contextlib
import itertools
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK, _END_STREAM, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW_SIZE, _CANCEL = 4, 8
_FRAME_SIZE = 16_384
_FIRST_WINDOW = 65_535
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Indexes of HPACK's static table: RFC 7541, Appendix A.
_METHOD_POST, _SCHEME_HTTP, _PATH, _AUTHORITY, _CONTENT_TYPE = b"\x83", b"\x86", b"\x04", b"\x01", b"\x0f\x10"


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def call(path: str, stream: int) -> bytes:
    """The beginning of a gRPC call, without its message."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    block = _METHOD_POST + _SCHEME_HTTP + _PATH + text(path) + _AUTHORITY + text("localhost")
    block += _CONTENT_TYPE + text("application/grpc") + b"\x00" + text("te") + text("trailers")
    return _frame(_HEADERS, _END_HEADERS, stream, block)


def reset(stream: int) -> bytes:
    """The end of a call that its client does not want any more."""
    return _frame(_RST_STREAM, 0, stream, struct.pack(">I", _CANCEL))


def goaway(reason: int, text: bytes) -> bytes:
    """The end of a connection, with what the client says about it."""
    return _frame(_GOAWAY, 0, 0, struct.pack(">II", 0, reason) + text)


def message(data: bytes) -> bytes:
    """A message as gRPC sends it: whether it is compressed, its size, itself."""
    return struct.pack(">BI", 0, len(data)) + data


def streams() -> Iterator[int]:
    """The numbers of a client's streams."""
    return itertools.count(1, 2)


class Connection:
    """A client's side of a connection, which throws away what it is told, but for how much it may send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._windows: dict[int, int] = {0: _FIRST_WINDOW}
        self._first_window = _FIRST_WINDOW
        self._has_changed = asyncio.Event()
        self.is_over = False
        """Whether the server has ended the connection."""
        self.has_ended = asyncio.Event()
        """Whether the server has ended a call."""

    async def send(self, data: bytes) -> None:
        """Send frames as they are."""
        self._writer.write(data)
        await self._writer.drain()

    async def send_body(self, data: bytes, stream: int) -> None:
        """Send a part of a message as the server asks for it. Raises ConnectionError when it ends the connection."""
        self._windows.setdefault(stream, self._first_window)
        rest = memoryview(data)
        while rest:
            while (window := min(self._windows[0], self._windows[stream], _FRAME_SIZE)) <= 0:
                self._has_changed.clear()
                await self._has_changed.wait()
                if self.is_over:
                    raise ConnectionError
            piece, rest = rest[:window], rest[window:]
            for number in (0, stream):
                self._windows[number] -= len(piece)
            await self.send(_frame(_DATA, 0, stream, bytes(piece)))

    async def listen(self) -> None:
        """Handle the server's frames until it ends the connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await self._reader.readexactly(9)
                kind, flags, stream = struct.unpack(">BBI", head[3:])
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                if kind == _GOAWAY:
                    break
                await self._handle(kind, flags, stream, payload)
        self.is_over = True
        self._has_changed.set()

    async def _handle(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == _WINDOW_UPDATE:
            self._windows[stream] = self._windows.get(stream, self._first_window) + int.from_bytes(payload, "big")
            self._has_changed.set()
        elif kind == _SETTINGS and not flags & _ACK:
            for place in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[place : place + 6])
                if name == _INITIAL_WINDOW_SIZE:
                    self._windows |= {
                        number: window + value - self._first_window
                        for number, window in self._windows.items()
                        if number
                    }
                    self._first_window = value
                    self._has_changed.set()
            await self.send(_frame(_SETTINGS, _ACK, 0))
        elif kind == _RST_STREAM or (kind == _HEADERS and flags & _END_STREAM):
            self.has_ended.set()
        elif kind == _PING and not flags & _ACK:
            await self.send(_frame(_PING, _ACK, 0, payload))


@asynccontextmanager
async def connected(address: str, *, window: int = _FIRST_WINDOW) -> AsyncIterator[Connection]:
    """A connection that takes so many bytes of each answer, and ends without a word, like a client that is gone."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    connection = Connection(reader, writer)
    await connection.send(_PREFACE + _frame(_SETTINGS, 0, 0, struct.pack(">HI", _INITIAL_WINDOW_SIZE, window)))
    listening = asyncio.create_task(connection.listen())
    try:
        yield connection
    finally:
        listening.cancel()
        writer.transport.abort()
