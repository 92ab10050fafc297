"""A SQLite file under two names, deleted, replaced or damaged: no server acknowledges writes that nobody will find."""

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from storage.errors import Unavailable, Unusable
from storage.sql.dialects import dialect_for
from storage.sql.store import SqlStore
from tests.api.builders import new_run
from tests.api.client import code
from tests.cli.program import lineal
from tests.conftest import CAN_MOUNT, MOUNT
from tests.contract.builders import a_run, an_artifact, keep
from tests.databases import sqlite_path
from tests.faults.client import connected
from tests.faults.cluster import ANY_PORT, Server, clean_environment, run_program

StartServer = Callable[..., Server]

pytestmark = pytest.mark.databases("sqlite")

GONE = "the database file was deleted or replaced while it was open"
PAGE_BYTES = 4096


def refusal(path: Path) -> str:
    """What a server says that does not serve the file."""
    done = run_program("serve", "--store", f"sqlite:///{path}", "--grpc", ANY_PORT, "--rest", ANY_PORT)
    assert done.returncode == 1
    [sentence] = done.stderr.strip().splitlines()
    return sentence


def ready(server: Server) -> tuple[int, str]:
    """The status of /readyz, and its reason."""
    try:
        with urllib.request.urlopen(f"http://{server.rest}/readyz", timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)["reason"]


def test_a_file_that_is_served_is_refused_under_another_path(migrated_url: str, start_server: StartServer) -> None:
    path = sqlite_path(migrated_url)
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    first = start_server(migrated_url)
    assert refusal(link).startswith(f"lineal-server: another Lineal server is serving sqlite:///{link};")
    first.kill()
    start_server(f"sqlite:///{link}")
    assert refusal(path).startswith(f"lineal-server: another Lineal server is serving sqlite:///{path};")


@pytest.mark.parametrize("what", ["the folder", "the file"])
def test_a_file_that_is_served_is_refused_through_another_mount(
    migrated_url: str, start_server: StartServer, tmp_path: Path, what: str
) -> None:
    path = sqlite_path(migrated_url)
    twin = tmp_path / path.name
    twin.touch()
    mounted = (path, twin) if what == "the file" else (path.parent, tmp_path)
    if not CAN_MOUNT:
        pytest.skip("a folder cannot be mounted a second time here")
    start_server(migrated_url)
    # In a mount namespace of its own, so that nothing stays mounted, whatever happens to this process.
    mount = [*MOUNT[:-1], f'{MOUNT[-1]} && shift 1 && exec "$@"', *mounted]
    store = f"sqlite:///{twin}"
    serve = [sys.executable, "-m", "server", "serve", "--store", store, "--grpc", ANY_PORT, "--rest", ANY_PORT]
    done = subprocess.run([*mount, *serve], env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"lineal-server: another Lineal server is serving {store};")


def test_a_file_with_two_names_is_refused_at_start_only(migrated_url: str, start_server: StartServer) -> None:
    path = sqlite_path(migrated_url)
    server = start_server(migrated_url)
    twin = path.with_name("twin.sqlite")
    os.link(path, twin)
    assert ready(server) == (200, "")
    assert "has 2 names (hard links)" in refusal(twin)
    server.kill()
    assert "has 2 names (hard links)" in refusal(path)
    twin.unlink()
    assert ready(start_server(migrated_url)) == (200, "")


@pytest.mark.parametrize("fate", ["deleted", "replaced", "moved"])
async def test_a_file_that_was_deleted_or_replaced_takes_no_more_writes(
    migrated_url: str, start_server: StartServer, tmp_path: Path, fate: str
) -> None:
    path = sqlite_path(migrated_url)
    copy = path.with_name("copy.sqlite")
    shutil.copy(path, copy)
    server = start_server(migrated_url)
    async with connected(server.grpc) as api:
        await new_run(api)
        if fate == "deleted":
            path.unlink()
        elif fate == "replaced":
            copy.replace(path)
        else:
            path.rename(path.with_name("moved.sqlite"))
        assert [await code(new_run(api)) for _ in range(3)] == ["UNAVAILABLE"] * 3
        assert ready(server) == (503, GONE)
        assert path.exists() == (fate == "replaced")
        if fate == "moved":
            path.with_name("moved.sqlite").rename(path)
            assert await code(new_run(api)) == "OK"
            assert ready(server) == (200, "")
            assert (await api.ListRuns()).total_size == 2
    assert len([line for line in server.log_lines() if "was deleted or replaced" in str(line.get("event"))]) == 1


WRITE = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
try:
    connection.execute("BEGIN IMMEDIATE")
    print("written")
except sqlite3.OperationalError as error:
    print(error)
"""


def test_claims_leave_the_locks_of_sqlite_alone(migrated_url: str) -> None:
    path = sqlite_path(migrated_url)
    link = path.with_name("link.sqlite")
    link.symlink_to(path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with (
        dialect_for(migrated_url).claim(),
        pytest.raises(Unavailable, match="another Lineal server"),
        dialect_for(f"sqlite:///{link}").claim(),
    ):
        pass
    with dialect_for(f"sqlite:///{link}").claim():
        pass
    done = subprocess.run([sys.executable, "-c", WRITE, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout == "database is locked\n"
    holder.close()


def damage(path: Path) -> None:
    """Overwrite every page of the file but the first."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    pages = path.stat().st_size // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(PAGE_BYTES)
        file.write(b"\xa5" * PAGE_BYTES * (pages - 1))


async def test_a_damaged_file_is_called_damaged(migrated_url: str) -> None:
    store = SqlStore(migrated_url)
    await keep(store, a_run(id="run"))
    await store.close()
    damage(sqlite_path(migrated_url))
    store = SqlStore(migrated_url)
    for call in (
        lambda: store.read(lambda tx: tx.runs.get("run", with_spec=True)),
        lambda: keep(store, a_run()),
        store.page_token_key,
    ):
        with pytest.raises(Unusable, match=r"^the database file is damaged$"):
            await call()
    await store.close()


@pytest.mark.parametrize(
    ("place", "content", "sentence"),
    [
        (0, b"\xa5" * 64, "lineal-server: the database file is damaged\n"),
        (8, bytes(2), "database: the file is damaged: On tree page "),
    ],
    ids=["page", "cell"],
)
def test_doctor_finds_a_damaged_page(migrated_url: str, place: int, content: bytes, sentence: str) -> None:
    async def fill() -> None:
        store = SqlStore(migrated_url)
        await keep(store, *(an_artifact(description="x" * 3000) for _ in range(50)))
        await store.close()

    asyncio.run(fill())
    path = sqlite_path(migrated_url)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    assert lineal("doctor", "--store", migrated_url).exit_code == 0
    page = path.read_bytes().rindex(b"x" * 3000) // PAGE_BYTES
    with path.open("r+b") as file:
        file.seek(page * PAGE_BYTES + place)
        file.write(content)
    done = lineal("doctor", "--store", migrated_url)
    assert done.exit_code == 1
    assert sentence in done.stdout + done.stderr
