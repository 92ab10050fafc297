"""While one caller attacks, others are served; and the memory that he takes is bounded, and given back."""

from collections.abc import Callable, Iterator

import pytest
import pytest_asyncio

from migrations.upgrade import upgrade_async
from tests.databases import PrivateServer, create_database, create_migrated_database, drop_database
from tests.faults.attacks.attackers import ATTACKS
from tests.faults.attacks.target import LONG, SHORT, Size, Target, prepare
from tests.faults.attacks.troubles import TROUBLES
from tests.faults.attacks.under_attack import RELEASE_SECONDS, Outcome, in_trouble, under_attack
from tests.faults.cluster import Server

Rounds = Callable[[int, int], int]
Report = Callable[[str], None]
StartServer = Callable[..., Server]

SHORT_SECONDS, LONG_SECONDS = 1, 20
ANSWERED_SECONDS = 5.0
"""Within which others are answered."""

SLACK = 3
"""On a machine with other work, or a slow one, everything takes longer; what takes longer than this hangs."""

PEAK_MEBIBYTES = 700
SHORT_ON_SERVERS = ("whole_runs", "bulk_calls")
"""Attacks that wait for the database; what others do ends before it."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Attack SQLite by every attack; the others by those that reach them, in a soak run by all."""
    if "attack" in metafunc.fixturenames:
        is_on_servers = metafunc.function is test_others_are_served_by_two_workers_during
        is_short = not metafunc.config.getoption("--soak")
        metafunc.parametrize("attack", SHORT_ON_SERVERS if is_short and is_on_servers else ATTACKS)


def words(outcome: Outcome) -> str:
    """An outcome in figures."""
    account, memory = outcome.account, outcome.memory
    return (
        f"{outcome.strikes} strikes, {len(account.seconds)} calls of others: p99 {account.p99 * 1000:.0f}, worst "
        f"{account.worst * 1000:.0f} ms; {memory.before:.0f} → {memory.peak:.0f} → {memory.after:.0f} MiB"
    )


@pytest.fixture(scope="session")
def server_attacked_often() -> Iterator[Server]:
    """A server on SQLite, for one short attack after the other."""
    url = create_migrated_database("sqlite")
    server = Server(url).start()
    yield server
    server.close()
    drop_database(url)


async def prepared(server: Server, size: Size) -> Target:
    """Prepare a server that has held many calls before: what they leave in heaps and caches once, no attack is to give back."""
    target = await prepare(server.grpc, server.rest, size)
    await under_attack(server.process_id, target, "calls_without_message", SHORT_SECONDS, release_seconds=0)
    return target


@pytest_asyncio.fixture(scope="session")
async def attacked_often(server_attacked_often: Server) -> tuple[Server, Target]:
    """That server, and what the attacks are told of it."""
    return server_attacked_often, await prepared(server_attacked_often, SHORT)


async def attacked(server: Server, target: Target, attack: str, rounds: Rounds, report: Report) -> None:
    """Attack a server, and check what others have of it."""
    seconds, release_seconds = rounds(SHORT_SECONDS, LONG_SECONDS), SLACK * RELEASE_SECONDS
    outcome = await under_attack(server.process_id, target, attack, seconds, release_seconds=release_seconds)
    report(words(outcome))
    assert outcome.strikes > 0
    assert outcome.account.failures == []
    assert outcome.account.worst < SLACK * ANSWERED_SECONDS
    assert outcome.memory.peak < PEAK_MEBIBYTES
    assert outcome.memory.is_back


@pytest.mark.databases("sqlite")
async def test_others_are_served_during(
    migrated_url: str,
    start_server: StartServer,
    attacked_often: tuple[Server, Target],
    attack: str,
    rounds: Rounds,
    report: Report,
) -> None:
    server, target = attacked_often
    if rounds(0, 1):
        server = start_server(migrated_url)
        target = await prepared(server, LONG)
    await attacked(server, target, attack, rounds, report)


@pytest.mark.databases("postgresql", "mysql")
async def test_others_are_served_by_two_workers_during(
    migrated_url: str, start_server: StartServer, attack: str, rounds: Rounds, report: Report
) -> None:
    server = start_server(migrated_url, "--workers", "2")
    target = await prepared(server, (SHORT, LONG)[rounds(0, 1)])
    await attacked(server, target, attack, rounds, report)


async def in_trouble_for_a_while(
    server: Server, database: PrivateServer | None, name: str, rounds: Rounds, report: Report
) -> None:
    """Have a server's database in trouble, and check that calls are answered meanwhile, and served afterwards."""
    trouble = TROUBLES[name]
    target = await prepare(server.grpc, server.rest, SHORT)
    seconds = rounds(SHORT_SECONDS, LONG_SECONDS)
    begun = trouble.begin(server.store, database)
    outcome = await in_trouble(server.process_id, target, begun, seconds, tolerates=trouble.tolerates)
    report(words(outcome))
    assert outcome.account.failures == []
    assert outcome.account.worst < SLACK * ANSWERED_SECONDS
    assert outcome.memory.peak < PEAK_MEBIBYTES


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.parametrize("name", ["frozen_database", "cut_connections"])
async def test_calls_are_answered_beside_a(
    database_kind: str,
    start_private_server: Callable[..., PrivateServer],
    start_server: StartServer,
    name: str,
    rounds: Rounds,
    report: Report,
) -> None:
    database = start_private_server(database_kind)
    url = create_database(database_kind, server=database.url)
    await upgrade_async(url)
    await in_trouble_for_a_while(start_server(url), database, name, rounds, report)


async def test_calls_are_answered_beside_writes_of_another_program(
    migrated_url: str, start_server: StartServer, rounds: Rounds, report: Report
) -> None:
    await in_trouble_for_a_while(start_server(migrated_url), None, "writes_of_another_program", rounds, report)


@pytest.mark.databases("sqlite")
async def test_calls_are_answered_while_the_file_is_taken_away(
    migrated_url: str, start_server: StartServer, rounds: Rounds, report: Report
) -> None:
    await in_trouble_for_a_while(start_server(migrated_url), None, "file_taken_away", rounds, report)
