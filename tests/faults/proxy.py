"""A TCP proxy before a gRPC server that cuts connections at chosen calls. Called by tests.

    async with cutting(server.grpc, fates) as proxy:
        lineal.aio.Client(proxy.address)

It reads HTTP/2 frames to see where calls and answers begin: each HEADERS frame of the client is a call.
"""

import asyncio
import contextlib
import enum
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable

PREFACE_SIZE = 24
FRAME_HEADER_SIZE = 9
HEADERS = 1
WAITING_BYTES = 64 * 1024


class Fate(enum.Enum):
    """What becomes of a call."""

    PASS = "it is answered"
    CUT_BEFORE = "the connection is cut before the server has it"
    CUT_AFTER = "the connection is cut when the server answers"


class Proxy:
    """One listener; `fates` says of each call what becomes of it, and PASS when it has ended."""

    def __init__(self, target: str, fates: Iterable[Fate]) -> None:
        self.target, self._fates = target, iter(fates)
        self.address = ""
        self.counts: Counter[Fate] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it is cut or ends."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        host, _, port = self.target.rpartition(":")
        try:
            # The server may be down; and asyncio reports connections that are cancelled as errors of the loop.
            with contextlib.suppress(OSError, asyncio.CancelledError):
                server_reader, server_writer = await asyncio.open_connection(host, int(port))
                try:
                    await self._pass_on(reader, writer, server_reader, server_writer)
                finally:
                    server_writer.transport.abort()
        finally:
            writer.transport.abort()

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        fate = Fate.PASS

        def of_client(kind: int) -> bool:
            nonlocal fate
            if kind == HEADERS:
                fate = next(self._fates, Fate.PASS)
                self.counts[fate] += 1
            return fate is not Fate.CUT_BEFORE

        def of_server(kind: int) -> bool:
            return not (kind == HEADERS and fate is Fate.CUT_AFTER)

        copies = [
            asyncio.ensure_future(_copy(reader, server_writer, PREFACE_SIZE, of_client)),
            asyncio.ensure_future(_copy(server_reader, writer, 0, of_server)),
        ]
        try:
            await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for copy in copies:
                copy.cancel()
            await asyncio.gather(*copies, return_exceptions=True)

    async def end(self) -> None:
        """Cut every connection."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, preface_size: int, passes: Callable[[int], bool]
) -> None:
    """Pass on frame by frame, until one must not pass or a side ends."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        writer.write(await reader.readexactly(preface_size))
        while True:
            header = await reader.readexactly(FRAME_HEADER_SIZE)
            if not passes(header[3]):
                return
            writer.write(header + await reader.readexactly(int.from_bytes(header[:3])))
            await writer.drain()


@contextlib.asynccontextmanager
async def cutting(target: str, fates: Iterable[Fate] = ()) -> AsyncIterator[Proxy]:
    """A proxy before a server, on a free port of loopback, until the block ends."""
    proxy = Proxy(target, fates)
    listener = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.address = f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        await proxy.end()
        await listener.wait_closed()
