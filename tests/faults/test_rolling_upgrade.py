"""Servers of two releases share a store while one replaces the other: a newer schema that is made for it is used as it is."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.databases.private import free_port
from tests.databases.queries import execute
from tests.faults.cluster import Server, run_program
from tests.faults.next_release import copy_with_one_more_migration
from tests.faults.patient import calling_patiently
from tests.migrations.open_transactions import open_reader

Report = Callable[[str], None]

pytestmark = pytest.mark.databases("postgresql", "mysql")


@contextmanager
def two_servers(url: str) -> Iterator[list[tuple[Server, list[str]]]]:
    """Two servers of this release, and the arguments with which the next ones take their addresses."""
    servers: list[tuple[Server, list[str]]] = []
    try:
        for _ in range(2):
            arguments = ["--grpc", f"127.0.0.1:{free_port()}"]
            servers.append((Server(url, *arguments).start(), arguments))
        yield servers
    finally:
        for server, _ in servers:
            server.close()


async def stopped(server: Server) -> None:
    server.terminate()
    assert await asyncio.to_thread(server.wait) == 0


async def upgraded(url: str, release: dict[str, str]) -> Any:
    return await asyncio.to_thread(run_program, "upgrade", "--store", url, environment=release)


async def test_no_call_fails_while_a_release_replaces_the_one_before(
    migrated_url: str, tmp_path: Path, report: Report, start_server: Callable[..., Server]
) -> None:
    release = copy_with_one_more_migration(tmp_path, is_for_this_release=True)
    with two_servers(migrated_url) as servers:
        async with calling_patiently([server.grpc for server, _ in servers]) as counts:
            with open_reader(migrated_url, "runs"):
                refused = await upgraded(migrated_url, release)
            calls_before = counts.calls.total()
            done = await upgraded(migrated_url, release)
            for number, (server, arguments) in enumerate(servers):
                await stopped(server)
                if number == 0:
                    await asyncio.to_thread(server.start)  # this release's, on the newer schema
                    await stopped(server)
                await asyncio.to_thread(start_server, migrated_url, *arguments, environment=release)
        report(f"{counts.calls.total()} calls over an upgrade, 0 failed, {counts.retried.total()} sent again")
    assert (refused.returncode, refused.stderr.startswith("lineal-server: the schema of the store ")) == (1, True)
    assert "others have kept a table for longer than 2 s; nothing is lost or half done, try again" in refused.stderr
    assert (done.returncode, done.stderr) == (0, "")
    assert calls_before > 0
    assert execute(migrated_url, "SELECT version_num FROM alembic_version") == [("9999",)]


async def test_a_server_says_that_it_uses_a_newer_schema(migrated_url: str, tmp_path: Path) -> None:
    release = copy_with_one_more_migration(tmp_path, is_for_this_release=True)
    assert (await upgraded(migrated_url, release)).returncode == 0
    for command in (["upgrade"], ["upgrade", "--plan"], ["doctor"]):
        done = await asyncio.to_thread(run_program, *command, "--store", migrated_url)
        sentence = r"the store's schema is 9999, newer than this server's \d+, which can use it$"
        assert re.search(sentence, done.stdout, re.MULTILINE)
        # The tests' databases are quick, which the doctor does not like.
        assert done.returncode == int(command == ["doctor"])
