"""A real server on a store, inside the test's process, so that tests can watch and disturb its statements."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from server.app import Addresses, running
from server.config import Settings

NEVER_SECONDS = 1_000_000.0
"""For the sweep: its statements must not be counted as a call's."""


@contextlib.asynccontextmanager
async def serving(url: str, **settings: Any) -> AsyncIterator[Addresses]:
    """Serve the store until the block ends, on free ports of loopback; it sweeps only when told how often."""
    chosen = {"sweep_seconds": NEVER_SECONDS, "drain_seconds": 1.0, **settings}
    async with running(Settings(store=url, grpc="127.0.0.1:0", rest="127.0.0.1:0", **chosen)) as addresses:
        yield addresses
