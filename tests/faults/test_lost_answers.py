"""Calls whose connection is cut, or whose server is killed, are done once: nothing is doubled, nothing is lost."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator

from lineal import aio

from tests.faults.cluster import Server
from tests.faults.proxy import Fate, cutting
from tests.faults.recorder import Facts, Recorder, stored
from tests.faults.waiting import until

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]

RECORDERS = 4
PATIENT = {"retries": 100, "timeout_seconds": 100.0}
"""Every call is to succeed in the end, however often it is cut."""

CALLS_BETWEEN_KILLS = (RECORDERS + 1, 40)
"""So many calls at least are made before the next kill: clients that wait longer and longer would otherwise never meet a server."""


def fates(chance: random.Random) -> Iterator[Fate]:
    """Every second call is cut, on its way there or back."""
    return (chance.choice((Fate.PASS, Fate.PASS, Fate.CUT_BEFORE, Fate.CUT_AFTER)) for _ in itertools.count())


class Recorders:
    """Several clients that make calls of every kind at once."""

    def __init__(self) -> None:
        self._recorders: list[Recorder] = []

    async def work(self, address: str, chance: random.Random, count: int) -> None:
        """Make so many calls; raises what a call raises."""

        async def record(number: int) -> None:
            async with aio.Client(address, **PATIENT) as client:
                recorder = Recorder(client, f"r{number}", random.Random(chance.random()))
                self._recorders.append(recorder)
                await recorder.work(count // RECORDERS)

        await asyncio.gather(*(record(number) for number in range(RECORDERS)))

    @property
    def calls(self) -> Counter[str]:
        """How often each method was called."""
        return sum((recorder.calls for recorder in self._recorders), Counter[str]())

    @property
    def expected(self) -> Facts:
        """What the store must hold."""
        return sum((recorder.expected for recorder in self._recorders), Facts())


async def kept(server: Server) -> Facts:
    async with aio.Client(server.grpc) as client:
        return await stored(client)


async def test_calls_whose_connection_is_cut_are_done_once(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    chance, server = random.Random(seed), start_server(migrated_url)
    recorders = Recorders()
    async with cutting(server.grpc, fates(chance)) as proxy:
        await recorders.work(proxy.address, chance, rounds(80, 1000))
    calls = recorders.calls
    cuts = proxy.counts[Fate.CUT_BEFORE], proxy.counts[Fate.CUT_AFTER]
    report(f"{calls.total()} calls of {len(calls)} kinds, cut {cuts[0]} times before and {cuts[1]} after, seed {seed}")
    assert await kept(server) == recorders.expected
    assert min(cuts) > 0


async def test_calls_are_done_once_while_their_server_is_killed_and_started_again(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    chance, server, kills = random.Random(seed), start_server(migrated_url), rounds(2, 20)
    recorders = Recorders()
    async with cutting(server.grpc) as proxy:
        work = asyncio.create_task(recorders.work(proxy.address, chance, rounds(200, 2000)))
        for _ in range(kills):
            enough = recorders.calls.total() + chance.randint(*CALLS_BETWEEN_KILLS)
            await until(lambda enough=enough: recorders.calls.total() >= enough or work.done())
            server.kill()
            await asyncio.to_thread(server.start)
            proxy.target = server.grpc
        await work
    calls = recorders.calls
    report(f"{calls.total()} calls of {len(calls)} kinds, {kills} kills, seed {seed}")
    assert await kept(server) == recorders.expected
