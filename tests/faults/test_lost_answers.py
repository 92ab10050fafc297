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

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]

RECORDERS = 4
PATIENT = {"retries": 100, "timeout_seconds": 100.0}
"""Every call is to succeed in the end, however often it is cut."""

UP_SECONDS = (0.1, 1.0)


def fates(chance: random.Random) -> Iterator[Fate]:
    """Every second call is cut, on its way there or back."""
    return (chance.choice((Fate.PASS, Fate.PASS, Fate.CUT_BEFORE, Fate.CUT_AFTER)) for _ in itertools.count())


async def recorded(address: str, chance: random.Random, count: int) -> tuple[Facts, Counter[str]]:
    """Make calls of every kind, several at once: what the store must hold afterwards, and how many calls there were."""

    async def record(number: int) -> Recorder:
        async with aio.Client(address, **PATIENT) as client:
            recorder = Recorder(client, f"r{number}", random.Random(chance.random()))
            await recorder.work(count // RECORDERS)
            return recorder

    recorders = await asyncio.gather(*(record(number) for number in range(RECORDERS)))
    expected, calls = Facts(), Counter[str]()
    for recorder in recorders:
        expected.update(recorder.expected)
        calls.update(recorder.calls)
    return expected, calls


async def kept(server: Server) -> Facts:
    async with aio.Client(server.grpc) as client:
        return await stored(client)


async def test_calls_whose_connection_is_cut_are_done_once(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    chance, server = random.Random(seed), start_server(migrated_url)
    async with cutting(server.grpc, fates(chance)) as proxy:
        expected, calls = await recorded(proxy.address, chance, rounds(80, 1000))
    cuts = proxy.counts[Fate.CUT_BEFORE], proxy.counts[Fate.CUT_AFTER]
    report(f"{calls.total()} calls of {len(calls)} kinds, cut {cuts[0]} times before and {cuts[1]} after, seed {seed}")
    assert await kept(server) == expected
    assert min(cuts) > 0


async def test_calls_are_done_once_while_their_server_is_killed_and_started_again(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    chance, server, kills = random.Random(seed), start_server(migrated_url), rounds(2, 30)
    async with cutting(server.grpc) as proxy:
        recording = asyncio.create_task(recorded(proxy.address, chance, rounds(200, 3000)))
        for _ in range(kills):
            await asyncio.wait([recording], timeout=chance.uniform(*UP_SECONDS))
            server.kill()
            await asyncio.to_thread(server.start)
            proxy.target = server.grpc
        expected, calls = await recording
    report(f"{calls.total()} calls of {len(calls)} kinds, {kills} kills, seed {seed}")
    assert await kept(server) == expected
