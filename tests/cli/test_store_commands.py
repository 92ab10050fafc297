"""`upgrade` and `doctor` on every kind of store."""

import contextlib
import re
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.cli.program import lineal
from tests.databases import PrivateServer, create_database, sqlite_path
from tests.databases.private import free_port
from tests.faults.cluster import serving

REVISIONS = r"[0-9]+(, [0-9]+)*"


def with_password(url: str, password: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{password}@{parts.hostname}:{parts.port}"))


def test_upgrade_makes_the_schema_and_then_finds_nothing_to_do(database_url: str) -> None:
    for arguments, output in (
        (("--plan",), f"schema was empty, newest is [0-9]+: would apply {REVISIONS}\n"),
        (("--plan",), f"schema was empty, newest is [0-9]+: would apply {REVISIONS}\n"),
        ((), f"schema was empty, newest is [0-9]+: applied {REVISIONS}\n"),
        ((), r"schema was ([0-9]+), newest is \1: applied nothing\n"),
        (("--plan",), r"schema was ([0-9]+), newest is \1: would apply nothing\n"),
    ):
        done = lineal("upgrade", *arguments, "--store", database_url)
        assert done.exit_code == 0
        assert re.fullmatch(output, done.stdout)


@pytest.mark.databases("sqlite")
def test_doctor_finds_nothing_wrong_with_a_healthy_file(migrated_url: str) -> None:
    assert_healthy(migrated_url)


@pytest.mark.databases("postgresql", "mysql")
def test_doctor_finds_nothing_wrong_with_a_healthy_database(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    settings = {"postgresql": {}, "mysql": {"max-allowed-packet": "64M", "tcp-keepalive-time": "30"}}[database_kind]
    server = start_private_server(database_kind, settings=settings)
    store = create_database(database_kind, server=server.url)
    assert lineal("upgrade", "--store", store).exit_code == 0
    assert_healthy(store)


def assert_healthy(store: str) -> None:
    done = lineal("doctor", "--store", store)
    settings, answers, schema, database = done.stdout.splitlines()
    assert done.exit_code == 0
    assert settings == "settings: valid"
    assert re.fullmatch("store: .* answers", answers)
    assert re.fullmatch("schema: [0-9]+, up to date", schema)
    assert database == "database: its settings are safe"


@pytest.mark.databases("postgresql", "mysql")
def test_doctor_names_what_makes_a_database_forget(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    settings, expected = {
        "postgresql": ({"fsync": "off"}, "the setting fsync is off"),
        "mysql": ({"innodb-flush-log-at-trx-commit": "2"}, "innodb_flush_log_at_trx_commit is not 1"),
    }[database_kind]
    server = start_private_server(database_kind, settings=settings)
    store = create_database(database_kind, server=server.url)
    assert lineal("upgrade", "--store", store).exit_code == 0
    done = lineal("doctor", "--store", store)
    assert done.exit_code == 1
    assert f"database: {expected}" in done.stdout


def test_doctor_may_look_while_a_server_serves(migrated_url: str) -> None:
    with serving(migrated_url):
        assert "up to date" in lineal("doctor", "--store", migrated_url).stdout


def test_doctor_says_of_an_empty_store_what_to_do(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        sqlite_path(database_url).touch()
    done = lineal("doctor", "--store", database_url)
    assert done.exit_code == 1
    assert done.stderr == "lineal-server: the store is empty; run `lineal-server upgrade` or start with --upgrade\n"


def test_doctor_says_that_there_is_no_file(tmp_path: Path) -> None:
    done = lineal("doctor", "--store", f"sqlite:///{tmp_path}/lineal.sqlite")
    assert (done.exit_code, done.stdout) == (1, "settings: valid\n")
    assert done.stderr == (
        f"lineal-server: there is no file sqlite:///{tmp_path}/lineal.sqlite; `lineal-server serve` and "
        "`lineal-server upgrade` make one\n"
    )


def test_plan_and_doctor_make_no_file(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/none/lineal.sqlite"
    assert lineal("upgrade", "--plan", "--store", store).exit_code == 0
    assert lineal("doctor", "--store", store).exit_code == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.databases("postgresql", "mysql")
@pytest.mark.parametrize("command", ["doctor", "upgrade"])
def test_a_wrong_password_is_said_and_not_shown(migrated_url: str, command: str) -> None:
    wrong = secrets.token_hex(8)
    done = lineal(command, "--store", with_password(migrated_url, wrong))
    assert done.exit_code == 1
    assert "this user" in done.stderr
    assert done.stderr.count("\n") == 1
    assert wrong not in done.output + done.stderr


@pytest.mark.databases("postgresql", "mysql")
def test_a_database_that_does_not_exist_is_said(migrated_url: str) -> None:
    done = lineal("doctor", "--store", urlunsplit(urlsplit(migrated_url)._replace(path="/no_such_database")))
    assert done.exit_code == 1
    assert done.stderr.startswith("lineal-server: the store ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize("command", ["doctor", "upgrade"])
def test_a_server_that_does_not_listen_is_said(scheme: str, command: str) -> None:
    done = lineal(command, "--store", f"{scheme}://lineal:geheim@127.0.0.1:{free_port()}/lineal")
    assert done.exit_code == 1
    assert done.stderr.startswith(f"lineal-server: the store {scheme}://lineal:***@127.0.0.1:")
    assert "geheim" not in done.output + done.stderr


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no database" * 100)
    for command in ("doctor", "upgrade"):
        done = lineal(command, "--store", f"sqlite:///{file}")
        assert done.exit_code == 1
        assert done.stderr.startswith(f"lineal-server: the store sqlite:///{file} ")
    assert file.read_text() == "no database" * 100


def test_a_plan_for_a_newer_schema_is_none(tmp_path: Path) -> None:
    store = f"sqlite:///{tmp_path}/lineal.sqlite"
    assert lineal("upgrade", "--store", store).exit_code == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "lineal.sqlite")) as database:
        database.execute("UPDATE alembic_version SET version_num = 'ffff'")
        database.execute("UPDATE settings SET value = 'ffff' WHERE name = 'readable_since'")
        database.commit()
    for arguments in (("--plan",), ()):
        done = lineal("upgrade", "--store", store, *arguments)
        assert (done.exit_code, done.stdout) == (1, "")
        assert "the store's schema is ffff, newer than this server's" in done.stderr
