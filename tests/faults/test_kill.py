"""A write that was answered survives SIGKILL, of the server and of its database; a bulk call is there whole or not at all."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from tests.databases import PrivateServer, create_database
from tests.faults.client import connected
from tests.faults.cluster import Server
from tests.faults.database_faults import end_sessions
from tests.faults.figures import seconds
from tests.faults.load import Findings, Ledger, Load, audit, more_acknowledged

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]
StartDatabase = Callable[..., PrivateServer]

# How long clients write before the kill: long enough for whole runs, short enough to fall into every kind of call.
LOAD_SECONDS = (0.2, 2.0)


def summary(ledger: Ledger, findings: Findings) -> str:
    codes = ", ".join(f"{count} {code}" for code, count in sorted(ledger.refusals.items()))
    return (
        f"{ledger.acknowledged} acknowledged writes, {len(findings.lost)} lost, "
        f"{len(findings.half_written)} bulk calls half written (not acknowledged: {codes})"
    )


def defects(server: Server) -> str:
    """What the server's log says of calls that failed by its own fault."""
    return "\n".join(line for line in server.log_text().splitlines() if '"INTERNAL"' in line)


async def answering(server: Server) -> None:
    async with connected(server.grpc) as api:
        await api.ListRuns(page_size=1)


async def test_acknowledged_writes_survive_a_killed_server(
    database_kind: str, migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    chance, ledger, restarts = random.Random(seed), Ledger(), []
    server = start_server(migrated_url)
    count = rounds(2, 20)
    for number in range(count):
        before = len(ledger.recordings)
        load = Load(server.grpc, ledger, seed=chance.randrange(1_000_000))
        await asyncio.sleep(chance.uniform(*LOAD_SECONDS))
        server.kill()
        await load.ended()
        begun = time.monotonic()
        server.start()
        await answering(server)
        restarts.append(time.monotonic() - begun)
        assert await audit(server.grpc, ledger.recordings[before:]) == Findings(), f"after kill {number + 1}"
    findings = await audit(server.grpc, ledger.recordings)
    report(f"{count} kills, seed {seed}: {summary(ledger, findings)}; serving again after {seconds(restarts)}")
    assert findings == Findings()
    assert ledger.acknowledged
    assert set(ledger.refusals) == {"UNAVAILABLE"}


@pytest.mark.databases("postgresql", "mysql")
async def test_acknowledged_writes_survive_a_killed_database(
    database_kind: str,
    start_private_server: StartDatabase,
    start_server: StartServer,
    rounds: Rounds,
    seed: int,
    report: Report,
) -> None:
    chance, ledger, recoveries = random.Random(seed), Ledger(), []
    database = start_private_server(database_kind)
    server = start_server(create_database(database_kind, server=database.url), "--upgrade")
    process, count = server.process_id, rounds(1, 20)
    for number in range(count):
        before = len(ledger.recordings)
        load = Load(server.grpc, ledger, seed=chance.randrange(1_000_000), through_failures=True)
        await asyncio.sleep(chance.uniform(*LOAD_SECONDS))
        database.kill()
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        database.start()
        begun = time.monotonic()
        await more_acknowledged(ledger)
        recoveries.append(time.monotonic() - begun)
        await load.stop()
        assert await audit(server.grpc, ledger.recordings[before:]) == Findings(), f"after kill {number + 1}"
    findings = await audit(server.grpc, ledger.recordings)
    report(f"{count} kills, seed {seed}: {summary(ledger, findings)}; writing again after {seconds(recoveries)}")
    assert findings == Findings()
    assert server.process_id == process
    assert set(ledger.refusals) <= {"UNAVAILABLE"}, defects(server)


@pytest.mark.databases("postgresql", "mysql")
async def test_sessions_that_end_whatever_they_do_are_no_defect_of_the_server(
    migrated_url: str, start_server: StartServer, rounds: Rounds, seed: int, report: Report
) -> None:
    """Most end while they connect."""
    chance, ledger, ended = random.Random(seed), Ledger(), 0
    server = start_server(migrated_url)
    load = Load(server.grpc, ledger, clients=16, seed=seed, through_failures=True)
    end = time.monotonic() + rounds(5, 120)
    while time.monotonic() < end:
        ended += await asyncio.to_thread(end_sessions, migrated_url)
        await asyncio.sleep(chance.uniform(0.0, 0.03))
    await load.stop()
    findings = await audit(server.grpc, ledger.recordings)
    report(f"{ended} sessions ended, seed {seed}: {summary(ledger, findings)}")
    assert findings == Findings()
    assert ended
    assert set(ledger.refusals) <= {"UNAVAILABLE"}, defects(server)
