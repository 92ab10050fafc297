"""A SQLite file that cannot be used is refused in one sentence, and left as it is."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from migrations.upgrade import SchemaState, check, plan_async, upgrade_async
from storage.errors import Unavailable
from tests.databases import sqlite_path
from tests.databases.account import servers_account, temporary_folder
from tests.migrations.refusing import refusals


@pytest.mark.databases("sqlite")
def test_a_folder_is_no_file(database_url: str) -> None:
    [sentence] = refusals(f"sqlite:///{sqlite_path(database_url).parent}")
    assert sentence.endswith(" is a folder, not a file")


@pytest.mark.databases("sqlite")
def test_what_is_not_a_regular_file_is_refused() -> None:
    [sentence] = refusals("sqlite:////dev/null")
    assert sentence.endswith(" is not a file")


@pytest.mark.databases("sqlite")
def test_a_file_that_is_not_there_is_not_an_empty_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none/lineal.sqlite"
    with pytest.raises(Unavailable, match=f"^there is no file {url}; `lineal-server serve` and .* make one$"):
        asyncio.run(check(url))
    assert asyncio.run(plan_async(url)).state is SchemaState.EMPTY
    assert not list(tmp_path.iterdir())


@contextmanager
def without_special_rights() -> Iterator[None]:
    """Let this process be another user's, who may not read and write everything as root may."""
    if os.geteuid() != 0:
        yield
        return
    account, groups = servers_account(), os.getgroups()
    os.setgroups([])
    os.setresgid(account["group"], account["group"], 0)
    os.setresuid(account["user"], account["user"], 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder in which every user may make files."""
    folder = temporary_folder("lineal-rights-")
    folder.chmod(0o777)
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.databases("sqlite")
def test_a_file_without_rights_is_refused(open_folder: Path) -> None:
    file, url = open_folder / "lineal.sqlite", f"sqlite:///{open_folder}/lineal.sqlite"
    asyncio.run(upgrade_async(url))
    file.chmod(0o000)
    with without_special_rights():
        assert refusals(url) == {f"{url} is a file that this user may not read and write"}


@pytest.mark.databases("sqlite")
def test_a_file_in_a_folder_without_rights_is_refused(open_folder: Path) -> None:
    file, url = open_folder / "lineal.sqlite", f"sqlite:///{open_folder}/lineal.sqlite"
    asyncio.run(upgrade_async(url))
    file.chmod(0o666)
    open_folder.chmod(0o555)
    with without_special_rights():
        [sentence] = refusals(url)
    assert sentence.startswith(f"the store {url} cannot be used: this user may not write to the file or its folder")


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize(
    "content", [b"not a database at all, but a letter\n" * 100, b"SQLite format 3\0" + b"\xff" * 4000]
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(database_url: str, content: bytes) -> None:
    sqlite_path(database_url).write_bytes(content)
    [sentence] = refusals(database_url)
    assert sentence.endswith("cannot be used: the database file is damaged, or is not a database")
    assert sqlite_path(database_url).read_bytes() == content


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in ("/proc/lineal.sqlite", f"{tmp_path}/file/lineal.sqlite"):
        with pytest.raises(Unavailable, match=f"^the folder of sqlite:///{path} is not writable: [A-Z][a-z ]+$"):
            asyncio.run(upgrade_async(f"sqlite:///{path}"))


@pytest.mark.databases("sqlite")
async def test_a_file_that_another_program_holds_is_busy(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.sql.dialects.sqlite.BUSY_TIMEOUT_MS", 50)
    holder = sqlite3.connect(sqlite_path(database_url), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match=r"is busy; try again$"):
        await upgrade_async(database_url)
    holder.close()
    await upgrade_async(database_url)


@pytest.mark.databases("sqlite")
async def test_a_schema_that_is_current_is_found_so_beside_a_writer(migrated_url: str) -> None:
    with closing(sqlite3.connect(sqlite_path(migrated_url), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert (await upgrade_async(migrated_url)).state is SchemaState.CURRENT
