"""A store that cannot be had is refused in one sentence, without the driver's words and without the password."""

import asyncio
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from migrations.upgrade import SchemaState, check, plan_async, upgrade_async
from storage.errors import Unavailable
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.databases import sqlite_path
from tests.databases.engine import with_database
from tests.databases.private import free_port
from tests.databases.queries import execute, tables

servers_only = pytest.mark.databases("postgresql", "mysql")

DRIVER_WORDS = re.compile(
    r"asyncpg|asyncmy|aiomysql|sqlite3|sqlalche|errno|sqlstate|exception|connect\(|\(|\n", re.IGNORECASE
)
PASSWORD = "ge/he@im%:#?&=+ ü秘密"


def refusals(url: str) -> set[str]:
    """What upgrade, plan and check say."""
    said = set()
    for call in (upgrade_async, plan_async, check):
        with pytest.raises(Unavailable) as caught:
            asyncio.run(call(url))  # type: ignore[arg-type]
        said.add(str(caught.value))
    for sentence in said:
        assert not DRIVER_WORDS.search(sentence)
        assert urlsplit(url).password is None or str(urlsplit(url).password) not in sentence
    return said


def changed(url: str, *, account: str | None = None, port: int | None = None) -> str:
    """The URL with another account or port."""
    parts = urlsplit(url)
    old_account, _, address = parts.netloc.rpartition("@")
    if port is not None:
        address = f"127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=f"{account or old_account}@{address}"))


CLOSED = "cannot be reached, or refuses this user"


@servers_only
def test_a_wrong_password_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, account="lineal:wrong"))
    assert sentence.startswith(f"the store {changed(database_url, account='lineal:***')}")
    assert sentence.endswith(CLOSED)


@servers_only
def test_an_unknown_user_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, account="nobody:here"))
    assert sentence.endswith(CLOSED)


@servers_only
def test_an_unknown_database_is_refused(database_url: str) -> None:
    [sentence] = refusals(with_database(database_url, "no_such_database"))
    assert sentence.endswith(CLOSED)


@servers_only
def test_a_port_on_which_nobody_listens_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, port=free_port()))
    assert sentence.endswith(CLOSED)


@pytest.mark.databases("sqlite")
def test_a_folder_is_no_file(database_url: str) -> None:
    [sentence] = refusals(f"sqlite:///{sqlite_path(database_url).parent}")
    assert sentence.endswith("is not a file that this user can read and write")


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


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "the store URL must start with one of sqlite://, postgresql://"),
        ("oracle://a/b", "the store URL must start with one of"),
        ("postgresql+asyncpg://a/b", "the store URL must start with one of"),
        ("sqlite://", "the SQLite store needs a file"),
        ("sqlite:///:memory:", "the SQLite store needs a file"),
        ("sqlite:///file:x?uri=true", "unknown option 'uri'; its options are: none"),
        (
            "postgresql://user:password@host:port/name",
            "the store URL cannot be read; write it as scheme://user:password@",
        ),
        (
            "postgresql://user:password@127.0.0.1:70000/name",
            "the store URL has port 70000, but the largest port is 65535",
        ),
        (
            "postgresql://user:password@127.0.0.1/name?ssl_mode=no",
            "unknown option 'ssl_mode'; its options are: sslmode",
        ),
        (
            "mysql://user:password@127.0.0.1",
            "the store URL does not name a database; write it as mysql://user:password@host:port/database",
        ),
        ("mysql://user:password@127.0.0.1/", "the store URL does not name a database"),
        (
            "mysql://user:password@127.0.0.1/x?charset=latin1",
            "unknown option 'charset'; its options are: ssl_ca, ssl_cert, ssl_key",
        ),
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str, sentence: str) -> None:
    for call in (upgrade_async, plan_async, check):
        with pytest.raises(Unavailable, match=re.escape(sentence)):
            asyncio.run(call(url))  # type: ignore[arg-type]


@contextmanager
def new_user(url: str, kind: str, *, may: str) -> Iterator[str]:
    """The URL of the database as a new user with an unusual password, who may do just this."""
    name = f"user_{secrets.token_hex(4)}"
    password = PASSWORD.replace("'", "''")
    make, give_back = {
        "postgresql": (
            [f"CREATE ROLE {name} LOGIN PASSWORD '{password}'", f"GRANT {may} ON SCHEMA public TO {name}"],
            [f"DROP OWNED BY {name}", f"DROP ROLE {name}"],
        ),
        "mysql": (
            [
                f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'",
                f"GRANT {may} ON {urlsplit(url).path[1:]}.* TO {name}@'127.0.0.1'",
            ],
            [f"DROP USER {name}@'127.0.0.1'"],
        ),
    }[kind]
    for statement in make:
        execute(url, statement)
    try:
        yield changed(url, account=f"{name}:{quote(PASSWORD, safe='')}")
    finally:
        for statement in give_back:
            execute(url, statement)


@servers_only
def test_a_password_of_unusual_characters_works(database_url: str, database_kind: str) -> None:
    async def use(url: str) -> None:
        await upgrade_async(url)
        store = SqlStore(url)
        await keep(store, a_run())
        assert PASSWORD not in store.dialect.label
        assert quote(PASSWORD, safe="") not in store.dialect.label
        await store.close()

    with new_user(database_url, database_kind, may="ALL") as url:
        asyncio.run(use(url))


@pytest.mark.databases("postgresql")
def test_a_server_without_encryption_is_used_only_by_those_who_do_not_ask_for_it(database_url: str) -> None:
    [sentence] = refusals(f"{database_url}?sslmode=require")
    assert sentence.endswith(CLOSED)
    asyncio.run(upgrade_async(f"{database_url}?sslmode=disable"))


@servers_only
def test_a_user_who_may_not_make_tables_is_refused(database_url: str, database_kind: str) -> None:
    may = {"postgresql": "USAGE", "mysql": "SELECT, INSERT"}[database_kind]
    with (
        new_user(database_url, database_kind, may=may) as url,
        pytest.raises(Unavailable, match=f"{CLOSED}$"),
    ):
        asyncio.run(upgrade_async(url))
    assert tables(database_url) == set()


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
