"""A relay between a store and its database that cuts connections at a chosen moment. Called by the store's tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from tests.listening import listening

ANSWER_SECONDS = 0.5
"""How long the server has for a last message that is let through."""


class Relay:
    """Passes bytes on, and cuts a connection when a message to the server holds the text it waits for."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._connections: set[asyncio.Task[None]] = set()
        self._cut_at: bytes | None = None
        self._lets_through = False
        self._farewell, self._farewell_after = b"", b""
        self.cuts = 0

    def cut_at(self, text: bytes, *, lets_through: bool) -> None:
        """Cut once, when the text comes; the server gets it, or not."""
        self._cut_at, self._lets_through = text, lets_through

    def end_after(self, text: bytes, farewell: bytes) -> None:
        """Add a last message to the server's once, when an answer has the text; the connection is cut a little later."""
        self._farewell_after, self._farewell = text, farewell

    def lead_to(self, url: str) -> None:
        """Pass on new connections to the server of another URL; those that are open stay where they are."""
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        connection = asyncio.create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        await asyncio.wait([connection])

    async def close_all(self) -> None:
        """Cut every connection; returns when all of them are gone."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server: asyncio.StreamWriter | None = None
        try:
            server_reader, server = await asyncio.open_connection(self._host, self._port)
            answers = asyncio.create_task(self._pass_on_answers(server_reader, writer))
            try:
                last = await self._pass_on_until_cut(reader, server)
            finally:
                answers.cancel()
            if last and self._lets_through:
                server.write(last)
                await asyncio.sleep(ANSWER_SECONDS)
        finally:
            writer.transport.abort()
            if server is not None:
                server.transport.abort()

    async def _pass_on_answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._farewell and self._farewell_after in data:
                    self.cuts += 1
                    writer.write(data + self._farewell)
                    self._farewell = b""
                    await asyncio.sleep(ANSWER_SECONDS)
                    break
                writer.write(data)
        writer.close()

    async def _pass_on_until_cut(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> bytes:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._cut_at is None or self._cut_at not in data:
                    server.write(data)
                    continue
                self.cuts += 1
                self._cut_at = None
                return data
        return b""


@asynccontextmanager
async def relay_to(url: str) -> AsyncIterator[tuple[Relay, str]]:
    """A relay to the database of a URL, and the URL that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    relay = Relay(parts.hostname, parts.port)
    account = parts.netloc.rpartition("@")[0]
    async with listening(relay.serve) as port:
        try:
            yield relay, urlunsplit(parts._replace(netloc=f"{account}@127.0.0.1:{port}"))
        finally:
            await relay.close_all()
