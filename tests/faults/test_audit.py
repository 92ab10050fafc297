"""The audit behind the kill tests finds what is lost and what is half there; without this their figures mean nothing."""

import asyncio
from collections.abc import Callable

import pytest

from tests.databases import PrivateServer, create_database
from tests.faults.cluster import Server
from tests.faults.load import Bulk, Findings, Ledger, Load, Recording, audit, more_acknowledged

StartServer = Callable[..., Server]

ROUNDS = 5
"""How often a database may have written everything just before it was killed."""

NOT_DURABLE = {
    "postgresql": {"synchronous_commit": "off", "wal_writer_delay": "10s", "full_page_writes": "off"},
    "mysql": {"innodb-flush-log-at-trx-commit": "0", "innodb-flush-log-at-timeout": "60"},
}


@pytest.mark.databases("sqlite")
async def test_the_audit_names_what_is_lost_and_what_is_half_there(
    migrated_url: str, start_server: StartServer
) -> None:
    ledger = Ledger()
    server = start_server(migrated_url)
    load = Load(server.grpc, ledger, clients=1)
    await more_acknowledged(ledger, count=50)
    await load.stop()
    assert await audit(server.grpc, ledger.recordings) == Findings()
    recording = ledger.recordings[0]
    task_id = next(iter(recording.tasks))
    kinds = {bulk.kind: bulk for bulk in recording.bulks}
    assert set(kinds) == {"artifacts", "links", "parameters"}
    for bulk in kinds.values():
        bulk.size += 1
    recording.bulks += [Bulk(kind, f"never-{kind}", 2, [task_id], acknowledged=True) for kind in kinds]
    recording.tasks["no such task"] = "never"
    recording.parameters[task_id, "never"] = "told"
    ledger.recordings.append(Recording("no such run", "never"))
    findings = await audit(server.grpc, ledger.recordings)
    assert sorted(line.split()[0] for line in findings.half_written) == ["artifacts", "links", "parameters"]
    assert sorted(line.split()[0] for line in findings.lost) == [
        "artifacts",
        "links",
        "parameter",
        "parameters",
        "run",
        "task",
    ]


@pytest.mark.databases("postgresql", "mysql")
async def test_the_audit_finds_what_a_database_loses_that_is_not_durable(
    database_kind: str, start_private_server: Callable[..., PrivateServer], start_server: StartServer
) -> None:
    database, ledger = start_private_server(database_kind, settings=NOT_DURABLE[database_kind]), Ledger()
    server = start_server(create_database(database_kind, server=database.url), "--upgrade")
    for _ in range(ROUNDS):
        load = Load(server.grpc, ledger)
        await more_acknowledged(ledger, count=200)
        database.kill()
        await load.stop()
        await asyncio.to_thread(database.start)
        server.kill()
        server.start()
        if (await audit(server.grpc, ledger.recordings)).lost:
            return
    pytest.fail(f"nothing was lost in {ROUNDS} rounds")
