"""A relay between a store and its database that cuts connections at a chosen moment. Called by the store's tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit


class Relay:
    """Passes bytes on, and cuts all connections when a message to the server holds the text it waits for."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut_at: bytes | None = None
        self._lets_through = False
        self.cuts = 0

    def cut_at(self, text: bytes, *, lets_through: bool) -> None:
        """Cut once, when the text comes; the server gets it, or not."""
        self._cut_at, self._lets_through = text, lets_through

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        server_reader, server_writer = await asyncio.open_connection(self._host, self._port)
        self._writers |= {writer, server_writer}
        for source, target, to_server in ((reader, server_writer, True), (server_reader, writer, False)):
            task = asyncio.create_task(self._pass_on(source, target, to_server))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, to_server: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if to_server and self._cut_at is not None and self._cut_at in data:
                    await self._cut(target, data)
                    return
                target.write(data)
                await target.drain()
        target.close()

    async def _cut(self, server: asyncio.StreamWriter, data: bytes) -> None:
        self.cuts += 1
        self._cut_at = None
        if self._lets_through:
            server.write(data)
            await server.drain()
            # What the server answers is lost: nobody passes it on any more.
            self._writers.discard(server)
            asyncio.get_running_loop().call_later(0.5, server.close)
        self.close_all()

    def close_all(self) -> None:
        """Cut every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def finish(self) -> None:
        """Wait until nothing is passed on any more."""
        self.close_all()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to the database of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    server = await asyncio.start_server(relay.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    account = parts.netloc.rpartition("@")[0]
    try:
        yield relay, urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{port}"))
    finally:
        server.close()
        await relay.finish()
        await server.wait_closed()
