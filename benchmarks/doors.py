"""A client's connections to the two doors of a server, over which bytes go as they are. Client processes call this."""

import asyncio
from collections import deque

import grpc

from benchmarks.operations import Request

OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Otherwise all channels of a process share one connection, and thus one worker of the server.
    ("grpc.use_local_subchannel_pool", 1),
]
SECONDS_MAX = 60.0


class Refused(Exception):
    """A call failed with a gRPC code, or with an HTTP status as text."""

    def __init__(self, code: str, details: str) -> None:
        super().__init__(code, details)
        self.code, self.details = code, details

    def __str__(self) -> str:
        return f"{self.code}: {self.details}"


class Doors:
    """Connections to one server; counts the bytes of messages, which frames and headers are not part of."""

    def __init__(self, grpc_address: str, rest_address: str, *, connections: int) -> None:
        self._addresses = grpc_address, rest_address
        self._connections = connections
        self._channels: list[grpc.aio.Channel] = []
        self._methods: dict[str, deque[grpc.aio.UnaryUnaryMultiCallable]] = {}
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.request_bytes = self.answer_bytes = 0

    async def connect(self) -> None:
        """Open the connections for gRPC; those for REST are opened when they are needed, and kept."""
        self._channels = [grpc.aio.insecure_channel(self._addresses[0], OPTIONS) for _ in range(self._connections)]
        for channel in self._channels:
            await channel.channel_ready()

    async def close(self) -> None:
        """Close every connection."""
        for channel in self._channels:
            await channel.close()
        for _, writer in self._idle:
            writer.close()

    async def send(self, request: Request) -> bytes:
        """Make a call and return the bytes of the answer. Raises Refused over REST, AioRpcError over gRPC."""
        answer = await (self._rest(request) if request.is_rest else self._grpc(request))
        self.request_bytes += len(request.data)
        self.answer_bytes += len(answer)
        return answer

    async def _grpc(self, request: Request) -> bytes:
        methods = self._methods.get(request.path)
        if methods is None:
            methods = deque(channel.unary_unary(request.path) for channel in self._channels)
            self._methods[request.path] = methods
        methods.rotate()
        answer: bytes = await methods[0](request.data, timeout=SECONDS_MAX)
        return answer

    async def _rest(self, request: Request) -> bytes:
        reader, writer = await self._connection()
        head = f"GET {request.path} HTTP/1.1\r\nhost: {self._addresses[1]}\r\n\r\n"
        writer.write(head.encode())
        answer_head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await _body(reader, answer_head)
        self._idle.append((reader, writer))
        status = answer_head.split(b" ", 2)[1].decode()
        if status != "200":
            raise Refused(status, f"{request.path}: {body[:200].decode(errors='replace')}")
        return body

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return an idle connection; a server closes those that are idle for long."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        host, _, port = self._addresses[1].rpartition(":")
        return await asyncio.open_connection(host, int(port), limit=2**24)


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    _, found, rest = head.partition(b"content-length:")
    if found:
        return await reader.readexactly(int(rest.split(b"\r\n", 1)[0]))
    parts = []
    while size := int(await reader.readuntil(b"\r\n"), 16):
        parts.append((await reader.readexactly(size + 2))[:-2])
    await reader.readuntil(b"\r\n")
    return b"".join(parts)
