"""HTTP by hand, over asyncio's streams: whole requests, and requests that no library would send."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers in lower case, and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; fails when the answer does not say that it is."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def reason(self) -> str:
        """The reason in the ErrorInfo of an error; fails when the body is not one of this status."""
        body = self.json
        assert body.keys() == {"code", "message", "details"}
        (detail,) = body["details"]
        assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
        assert detail["domain"] == "lineal"
        return str(detail["reason"])


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes | str) -> None:
        """Send bytes as they are."""
        self.writer.write(data.encode() if isinstance(data, str) else data)
        await self.writer.drain()

    async def answer(self, *, head_only: bool = False) -> Answer:
        """Read one answer; fails when the connection ends before it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status_line, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            length = 0 if head_only else int(headers.get("content-length", "0"))
            return Answer(int(status_line.split(" ")[1]), headers, await self.reader.readexactly(length))

    async def rest(self) -> bytes:
        """Read until the server ends the connection."""
        data = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            with contextlib.suppress(ConnectionError):
                while piece := await self.reader.read(65536):
                    data += piece
        return data


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[Wire]:
    """Connect to HOST:PORT."""
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**26)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def request_text(verb: str, path: str, body: bytes = b"", *, host: str = "localhost", **headers: str) -> bytes:
    """A whole request; header names with `_` for `-`."""
    lines = [f"{verb} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


async def ask(
    address: str, verb: str, path: str, body: Any = None, *, text: str | bytes = b"", **headers: str
) -> Answer:
    """Send one request, with a JSON body or a text as it is, and return the answer."""
    data = json.dumps(body).encode() if body is not None else text.encode() if isinstance(text, str) else text
    async with connected(address) as wire:
        await wire.send(request_text(verb, path, data, **headers))
        return await wire.answer(head_only=verb == "HEAD")
