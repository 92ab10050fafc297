"""A private server can be killed, frozen and restarted, and never outlives its owner."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.databases import processes
from tests.databases.fresh import create_database
from tests.databases.private import PrivateServer, ServerDied
from tests.databases.queries import Unanswered, execute

pytestmark = pytest.mark.databases("postgresql", "mysql")

ROOT = Path(__file__).parents[2]

Starter = Callable[..., PrivateServer]


def a_server_with_a_row(start: Starter, kind: str) -> tuple[PrivateServer, str]:
    server = start(kind)
    url = create_database(kind, server=server.url)
    execute(url, "CREATE TABLE kept (id INTEGER PRIMARY KEY)")
    execute(url, "INSERT INTO kept (id) VALUES (1)")
    return server, url


def test_a_committed_row_survives_kill_and_restart(database_kind: str, start_private_server: Starter) -> None:
    server, url = a_server_with_a_row(start_private_server, database_kind)
    server.kill()
    with pytest.raises(Unanswered):
        execute(url, "SELECT id FROM kept")
    server.start()
    assert execute(url, "SELECT id FROM kept") == [(1,)]


def test_kill_leaves_no_process_behind(database_kind: str, start_private_server: Starter) -> None:
    server, _ = a_server_with_a_row(start_private_server, database_kind)
    members = processes.family(server.process_id or 0)
    server.kill()
    assert server.process_id is None
    assert not [member for member in members if processes.is_running(member)]


def test_a_stopped_server_starts_again_under_its_url(database_kind: str, start_private_server: Starter) -> None:
    server, url = a_server_with_a_row(start_private_server, database_kind)
    address = server.url
    server.stop()
    assert server.process_id is None
    server.start()
    server.start()
    assert server.url == address
    assert execute(url, "SELECT id FROM kept") == [(1,)]


def test_a_paused_server_is_silent_until_it_resumes(database_kind: str, start_private_server: Starter) -> None:
    server, url = a_server_with_a_row(start_private_server, database_kind)
    server.pause()
    with pytest.raises(Unanswered):
        execute(url, "SELECT id FROM kept", seconds=1)
    server.resume()
    assert execute(url, "SELECT id FROM kept") == [(1,)]


def test_a_paused_server_can_be_killed_and_closed(database_kind: str, start_private_server: Starter) -> None:
    server, url = a_server_with_a_row(start_private_server, database_kind)
    server.pause()
    server.kill()
    server.start()
    assert execute(url, "SELECT id FROM kept") == [(1,)]
    server.pause()
    server.close()
    assert not server.folder.exists()


def test_settings_reach_the_server(database_kind: str, start_private_server: Starter) -> None:
    setting, query = {
        "postgresql": ({"work_mem": "7MB"}, "SHOW work_mem"),
        "mysql": ({"max-connections": "77"}, "SELECT CAST(@@max_connections AS CHAR)"),
    }[database_kind]
    server = start_private_server(database_kind, settings=setting)
    expected = {"postgresql": "7MB", "mysql": "77"}[database_kind]
    assert execute(create_database(database_kind, server=server.url), query) == [(expected,)]


def test_a_private_server_is_durable_unless_told_otherwise(database_kind: str, start_private_server: Starter) -> None:
    query = {"postgresql": "SHOW fsync", "mysql": "SELECT CAST(@@innodb_flush_log_at_trx_commit AS CHAR)"}[
        database_kind
    ]
    server = start_private_server(database_kind)
    assert execute(create_database(database_kind, server=server.url), query) in [[("on",)], [("1",)]]


@pytest.mark.databases("postgresql")
def test_the_server_does_not_order_text_by_bytes_by_itself(database_kind: str, start_private_server: Starter) -> None:
    url = create_database(database_kind, server=start_private_server(database_kind).url)
    rows = execute(url, "SELECT word FROM (VALUES ('b'), ('B'), ('a'), ('A')) AS words (word) ORDER BY word")
    assert [word for (word,) in rows] == ["a", "A", "b", "B"]


def test_servers_listen_on_loopback_only(database_kind: str, start_private_server: Starter) -> None:
    url = create_database(database_kind, server=start_private_server(database_kind).url)
    setting = {"postgresql": "SHOW listen_addresses", "mysql": "SELECT @@bind_address"}[database_kind]
    assert execute(url, setting) == [("127.0.0.1",)]


def test_a_server_that_cannot_start_shows_its_log(database_kind: str) -> None:
    server = PrivateServer(database_kind, settings={"no_such_setting": "1"})
    with pytest.raises(ServerDied, match=r"no.such.setting"):
        server.start()
    server.close()


def test_a_server_ends_when_its_owner_is_killed(database_kind: str) -> None:
    script = (
        "import sys, time; from tests.databases import private_server\n"
        "with private_server(sys.argv[1]) as server:\n"
        "    print(server.process_id, server.folder, flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, database_kind]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        process_id, folder = owner.stdout.readline().split()
        assert processes.is_running(int(process_id))
        os.kill(owner.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(folder).exists()
    assert not processes.is_running(int(process_id))
