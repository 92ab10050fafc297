"""HTTP servers with handlers of the tests' own, with limits that are small."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection

from server.calls.admission import Admission
from server.doors.http.limits import HttpLimits
from server.doors.http.messages import HttpHandler
from server.doors.http.server import HttpServer

LIMITS = HttpLimits(
    header_seconds=5.0,
    body_seconds=5.0,
    answer_seconds=5.0,
    idle_seconds=5.0,
    header_bytes=10_000,
    body_bytes=100_000,
    connections=50,
)
Start = Callable[..., Awaitable[tuple[HttpServer, str]]]


@contextlib.asynccontextmanager
async def starting() -> AsyncIterator[Start]:
    """Start servers with a handler until the block ends: start(handler, limits)."""
    async with contextlib.AsyncExitStack() as stack:

        async def begin(
            handler: HttpHandler,
            limits: HttpLimits = LIMITS,
            *,
            admission: Admission | None = None,
            probe_paths: Collection[str] = (),
        ) -> tuple[HttpServer, str]:
            server = HttpServer(handler, limits, admission=admission, probe_paths=probe_paths)
            port = await server.start("127.0.0.1:0")
            stack.push_async_callback(server.stop, 0.1)
            return server, f"127.0.0.1:{port}"

        yield begin


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)
