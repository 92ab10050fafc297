"""The caller who only wants to be served: pipelines' calls and probes, each again and again, and how long each waits."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from tests.api.builders import a_parameter, with_inputs
from tests.faults.attacks.target import Target
from tests.faults.client import Client, connected
from tests.faults.figures import percentile
from tests.rest import client as http

PAUSE_SECONDS = 0.02
READ, WRITE, READY = "GetTask", "UpdateTask", "/readyz"
PROBES = ("/healthz", READY, "/apis/v1beta1/healthz")


@dataclass
class Waits:
    """The seconds that each call of a kind took, and what failed."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass
class Account:
    """What a witness saw, by kind of call."""

    kinds: dict[str, Waits] = field(default_factory=dict)

    @property
    def seconds(self) -> list[float]:
        """The seconds of all calls."""
        return [seconds for waits in self.kinds.values() for seconds in waits.seconds]

    @property
    def failures(self) -> list[str]:
        """What failed, with its kind."""
        return [f"{kind}: {failure}" for kind, waits in self.kinds.items() for failure in waits.failures]

    @property
    def worst(self) -> float:
        """The longest wait."""
        return max(self.seconds)

    @property
    def p99(self) -> float:
        """The wait that one call in a hundred exceeds, of the kind of which this is longest."""
        return max(percentile(waits.seconds, 0.99) for waits in self.kinds.values() if waits.seconds)


@asynccontextmanager
async def witnessing(
    target: Target, *, tolerates: Collection[str] = (), deadline_seconds: float | None = None
) -> AsyncIterator[Account]:
    """Call until the end of the block, then wait for the last answers. Of kinds that it `tolerates`, only the waits count."""
    account, is_over = Account(), asyncio.Event()

    async def repeat(kind: str, call: Callable[[], Awaitable[object]]) -> None:
        waits = account.kinds[kind] = Waits()
        while not is_over.is_set():
            begun = time.monotonic()
            try:
                await call()
            except (grpc.aio.AioRpcError, OSError, AssertionError, EOFError, TimeoutError) as error:
                if kind not in tolerates:
                    waits.failures.append(" ".join(f"{type(error).__name__} {error}".split())[:200])
            waits.seconds.append(time.monotonic() - begun)
            await asyncio.sleep(PAUSE_SECONDS)

    async with connected(target.grpc) as api:
        kinds = {path: _probe(target, path) for path in PROBES} | _calls(target, api, deadline_seconds)
        tasks = [asyncio.create_task(repeat(kind, call)) for kind, call in kinds.items()]
        try:
            yield account
        finally:
            is_over.set()
            await asyncio.gather(*tasks)


def _probe(target: Target, path: str) -> Callable[[], Awaitable[object]]:
    async def probe() -> None:
        answer = await http.ask(target.rest, "GET", path)
        assert answer.status == 200, answer.body

    return probe


def _calls(target: Target, api: Client, seconds: float | None) -> dict[str, Callable[[], Awaitable[object]]]:
    ids = {"run_id": target.witness_run_id, "task_id": target.witness_task_id, "timeout_seconds": seconds}
    change = with_inputs(a_parameter("seen"))

    async def new_client() -> None:
        async with connected(target.grpc) as client:
            await client.GetHealthz()

    return {
        READ: lambda: api.GetTask(**ids),
        WRITE: lambda: api.UpdateTask(**ids, task=change),
        "a new client's GetHealthz": new_client,
    }
