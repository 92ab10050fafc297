"""Who may serve a store: one server a SQLite file, only servers of the store's schema, and any number at once."""

import asyncio
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.builders import new_run
from tests.api.client import code
from tests.databases import PrivateServer, create_database, drop_database
from tests.databases.private import free_port
from tests.faults.client import connected
from tests.faults.cluster import ANY_PORT, Server, run_program
from tests.faults.next_release import copy_with_one_more_migration

StartServer = Callable[..., Server]

SERVER_DATABASES = pytest.mark.databases("postgresql", "mysql")


def serve_and_end(store: str, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int, str]:
    """Run a server that is expected to end by itself; its exit status and last words."""
    given = ["--grpc", ANY_PORT, "--rest", ANY_PORT, *arguments]
    done = run_program("serve", "--store", store, *given, environment=environment)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip().splitlines()[-1]


@pytest.mark.databases("sqlite")
async def test_a_second_server_on_one_sqlite_file_is_refused(migrated_url: str, start_server: StartServer) -> None:
    first = start_server(migrated_url)
    status, sentence = serve_and_end(migrated_url)
    assert status == 1
    assert sentence.startswith("lineal-server: another Lineal server is serving sqlite:///")
    async with connected(first.grpc) as api:
        await new_run(api)
    first.kill()
    async with connected(start_server(migrated_url).grpc) as api:
        assert (await api.ListRuns()).total_size == 1


@SERVER_DATABASES
async def test_a_server_database_without_a_schema_is_served_only_when_told_to_upgrade(
    database_url: str, start_server: StartServer
) -> None:
    status, sentence = serve_and_end(database_url)
    assert status == 1
    assert sentence == "lineal-server: the store is empty; run `lineal-server upgrade` or start with --upgrade"
    async with connected(start_server(database_url, "--upgrade").grpc) as api:
        await new_run(api)


@SERVER_DATABASES
async def test_an_older_schema_is_served_only_when_told_to_upgrade(
    migrated_url: str, start_server: StartServer, tmp_path: Path
) -> None:
    next_release = copy_with_one_more_migration(tmp_path)
    status, sentence = serve_and_end(migrated_url, environment=next_release)
    assert status == 1
    assert re.fullmatch(
        "lineal-server: the store's schema is [0-9]+, this server needs 9999; "
        "run `lineal-server upgrade` or start with --upgrade",
        sentence,
    )
    async with connected(start_server(migrated_url, "--upgrade", environment=next_release).grpc) as api:
        await new_run(api)


@pytest.mark.databases("sqlite")
async def test_an_older_sqlite_file_is_upgraded_at_start(
    migrated_url: str, start_server: StartServer, tmp_path: Path
) -> None:
    next_release = copy_with_one_more_migration(tmp_path)
    async with connected(start_server(migrated_url, environment=next_release).grpc) as api:
        await new_run(api)


@pytest.mark.parametrize("arguments", [(), ("--upgrade",)])
def test_a_newer_schema_is_never_served(migrated_url: str, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    upgraded = run_program("upgrade", "--store", migrated_url, environment=copy_with_one_more_migration(tmp_path))
    assert upgraded.returncode == 0
    status, sentence = serve_and_end(migrated_url, *arguments)
    assert status == 1
    assert re.fullmatch(
        "lineal-server: the store's schema is 9999, newer than this server's [0-9]+; use a newer server", sentence
    )


@SERVER_DATABASES
async def test_eight_servers_start_at_once_on_an_empty_database(
    database_kind: str, start_private_server: Callable[..., PrivateServer], rounds: Callable[[int, int], int]
) -> None:
    database = start_private_server(database_kind)
    for _ in range(rounds(1, 50)):
        url = create_database(database_kind, server=database.url)
        servers = [Server(url, "--upgrade") for _ in range(8)]
        try:
            for server in servers:
                server.launch()
            for server in servers:
                server.await_serving()
                async with connected(server.grpc) as api:
                    await new_run(api)
            async with connected(servers[0].grpc) as api:
                assert (await api.ListRuns()).total_size == 8
            assert "would apply nothing" in run_program("upgrade", "--plan", "--store", url).stdout
        finally:
            for server in servers:
                server.close()
        drop_database(url)


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("door", ["--grpc", "--rest"])
def test_a_taken_port_is_named(migrated_url: str, door: str, workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        status, sentence = serve_and_end(migrated_url, "--workers", workers, door, address)
    assert (status, sentence) == (1, f"lineal-server: cannot listen on {address}: Address already in use")


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("door", ["--grpc", "--rest"])
async def test_a_server_starts_where_another_has_just_closed_its_connections(
    migrated_url: str, start_server: StartServer, door: str, workers: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = start_server(migrated_url, "--workers", "1", door, address)
    host, _, port = address.rpartition(":")
    # Of two ends the one that closes a connection first remembers it: here the server, as it stops.
    reader, writer = await asyncio.open_connection(host, int(port))
    server.terminate()
    await reader.read()
    writer.close()
    assert server.wait() == 0
    start_server(migrated_url, "--workers", workers, door, address)


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("door", ["--grpc", "--rest"])
async def test_a_server_never_joins_the_port_of_another(
    migrated_url: str, start_server: StartServer, door: str, workers: str
) -> None:
    address = f"127.0.0.1:{free_port()}"
    start_server(migrated_url, "--workers", workers, door, address)
    for others in ("1", "2"):
        status, sentence = serve_and_end(migrated_url, "--workers", others, door, address)
        assert status == 1
        assert sentence.startswith(f"lineal-server: cannot listen on {address}")


@pytest.mark.databases("sqlite")
def test_several_workers_on_one_sqlite_file_are_refused(migrated_url: str) -> None:
    status, sentence = serve_and_end(migrated_url, "--workers", "2")
    assert status == 2
    assert sentence == ("lineal-server: workers must be 1 with SQLite, whose file can have only one writing process")


@pytest.mark.databases("sqlite")
async def test_a_port_is_free_again_as_soon_as_its_server_is_killed(
    migrated_url: str, start_server: StartServer
) -> None:
    address = f"127.0.0.1:{free_port()}"
    server = start_server(migrated_url, "--grpc", address)
    async with connected(address) as api:
        assert await code(api.GetHealthz()) == "OK"
        server.kill()
        server.start()
        # The first call may still meet the connection of the killed server.
        while (ended_with := await code(api.GetHealthz())) != "OK":
            assert ended_with == "UNAVAILABLE"


def test_a_database_that_does_not_listen_is_named_without_its_password() -> None:
    for scheme in ("postgresql", "mysql"):
        status, sentence = serve_and_end(f"{scheme}://lineal:geheim@127.0.0.1:{free_port()}/lineal")
        assert status == 1
        assert sentence.startswith(f"lineal-server: the store {scheme}://lineal:***@127.0.0.1:")
        assert "geheim" not in sentence


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, sentence = serve_and_end(f"sqlite:///{tmp_path}/file/lineal.sqlite")
    assert status == 1
    assert "is not writable" in sentence
