"""One attack on a running server: what the witness saw, and how much memory the server took. Tests and benchmarks call this."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.api.client import code
from tests.faults.attacks.target import Target
from tests.faults.attacks.witness import Account, witnessing
from tests.faults.client import connected
from tests.faults.resident import resident_mebibytes

CHECKOUT = Path(__file__).parents[3]
START_SECONDS = 60.0
"""Against hanging: an attacker needs less to start and to end."""

SAMPLE_SECONDS = 0.02
DEADLINE_SECONDS = 1.0
RELEASE_SECONDS = 10.0
"""After so long, the memory is back."""

RELEASED_SHARE = 1.2
CACHES_MEBIBYTES = 20


@dataclass
class Memory:
    """What the server's largest process took, in MiB: before the attack, at most, and RELEASE_SECONDS after it."""

    before: float
    peak: float
    after: float = 0.0

    @property
    def is_back(self) -> bool:
        """Whether the memory was given back, but for a fifth, and what caches may keep."""
        return self.after < RELEASED_SHARE * self.before + CACHES_MEBIBYTES


@dataclass
class Outcome:
    """What an attack did: how often it struck, what others saw, and what memory it took."""

    strikes: int
    account: Account
    memory: Memory


@asynccontextmanager
async def _sampling(process_id: int) -> AsyncIterator[Memory]:
    before = resident_mebibytes(process_id)
    memory = Memory(before, before)

    async def sample() -> None:
        while True:
            memory.peak = max(memory.peak, resident_mebibytes(process_id))
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield memory
    finally:
        sampling.cancel()


async def under_attack(
    process_id: int, target: Target, name: str, seconds: float, *, release_seconds: float = RELEASE_SECONDS
) -> Outcome:
    """Attack a server for so long, with a witness beside it, and see what memory is given back within the last so many seconds."""
    async with _sampling(process_id) as memory, witnessing(target) as account:
        strikes = await _attack(target, name, seconds)
    end = time.monotonic() + release_seconds
    memory.after = resident_mebibytes(process_id)
    while not memory.is_back and time.monotonic() < end:
        await asyncio.sleep(SAMPLE_SECONDS)
        memory.after = resident_mebibytes(process_id)
    return Outcome(strikes, account, memory)


async def in_trouble(
    process_id: int,
    target: Target,
    trouble: AbstractAsyncContextManager[object],
    seconds: float,
    *,
    tolerates: Collection[str],
) -> Outcome:
    """Have a server's database in trouble for so long, with a witness whose calls have deadlines, and see that it recovers."""
    async with _sampling(process_id) as memory:
        # In this order: another program that locks two tables would deadlock with the witness's writes.
        async with trouble, witnessing(target, tolerates=tolerates, deadline_seconds=DEADLINE_SECONDS) as account:
            await asyncio.sleep(seconds)
        async with connected(target.grpc) as api, asyncio.timeout(START_SECONDS):
            ids = {"run_id": target.witness_run_id, "task_id": target.witness_task_id}
            while await code(api.GetTask(**ids, timeout_seconds=DEADLINE_SECONDS)) != "OK":
                pass
    memory.after = resident_mebibytes(process_id)
    return Outcome(1, account, memory)


async def _attack(target: Target, name: str, seconds: float) -> int:
    command = (sys.executable, "-m", "tests.faults.attacks.attackers", name, str(seconds), target.text())
    attacker = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdout=subprocess.PIPE)
    try:
        output, _ = await asyncio.wait_for(attacker.communicate(), seconds + START_SECONDS)
    finally:
        if attacker.returncode is None:
            attacker.kill()
            await attacker.wait()
    assert attacker.returncode == 0, f"the attacker ended with status {attacker.returncode}"
    return int(output)
