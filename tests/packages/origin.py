"""A web server of the tests' own, and a network in which every address leads to it."""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import AsyncIterator, Iterable

import httpcore2

from tests.listening import listening

PUBLIC = "93.184.216.34"


class Origin:
    """Answers each path with fixed bytes and notes what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.endless, self.pieces_max = b"", sys.maxsize
        self.requests: list[str] = []
        self.port = 0

    def answer(self, path: str, body: bytes = b"", *, status: int = 200, headers: str = "") -> None:
        """From now on answer a path so."""
        head = f"HTTP/1.1 {status} Because\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        self.answers[path] = head.encode() + body

    def redirect(self, path: str, location: str, *, status: int = 302) -> None:
        """From now on redirect a path."""
        self.answer(path, status=status, headers=f"Location: {location}\r\n")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers[head.split(" ")[1]]
            writer.write(answer)
            await writer.drain()
            pieces = 0
            while self.endless and answer.endswith(b"\r\n\r\n") and pieces < self.pieces_max:
                pieces += 1
                writer.write(self.endless)
                await writer.drain()
                await asyncio.sleep(0)
            if not answer:  # says nothing until the caller hangs up
                await reader.read()
        writer.close()

    @contextlib.asynccontextmanager
    async def running(self, *, tls: ssl.SSLContext | None = None) -> AsyncIterator["Origin"]:
        """Serve on a free port of the loopback."""
        async with listening(self._serve, tls=tls) as self.port:
            yield self


class Detour(httpcore2.AsyncNetworkBackend):
    """Notes which address was dialled and connects to the loopback instead; the addresses in `dead` do not answer."""

    def __init__(self, port: int, *, dead: Iterable[str] = ()) -> None:
        self.port, self.dead = port, set(dead)
        self.dialled: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the port of the loopback."""
        self.dialled.append((host, port))
        if host in self.dead:
            await asyncio.sleep(3600 if timeout is None else timeout)
            raise httpcore2.ConnectTimeout
        return await httpcore2.AnyIOBackend().connect_tcp("127.0.0.1", self.port, timeout)


class Names:
    """Looks hosts up: each call takes the next list of addresses, the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def no_such_host(host: str, port: int) -> list[str]:
    """Know no host."""
    raise OSError(f"{host} is unknown")
