"""The databases' fixtures do what fixtures.py promises."""

from pathlib import Path

import pytest

from tests.databases.fresh import create_database, create_migrated_database, drop_database, sqlite_path
from tests.databases.kinds import KINDS, UnknownKind, chosen_kinds
from tests.databases.private import ENGINES, free_port
from tests.databases.programs import DatabaseMissing, find_program, require_programs
from tests.databases.queries import execute, tables
from tests.databases.session import Session


def small_upgrade(url: str) -> None:
    """Two tables with a foreign key, a generated column and one row."""
    execute(url, "CREATE TABLE parent (id INTEGER PRIMARY KEY, twice INTEGER GENERATED ALWAYS AS (id * 2) STORED)")
    execute(url, "CREATE TABLE child (parent_id INTEGER NOT NULL, FOREIGN KEY (parent_id) REFERENCES parent (id))")
    execute(url, "INSERT INTO parent (id) VALUES (21)")


def test_a_fresh_database_is_empty(database_url: str) -> None:
    assert tables(database_url) == set()


def test_the_url_is_plain_and_names_the_kind(database_url: str, database_kind: str) -> None:
    assert database_url.startswith(f"{database_kind}://")


def test_fresh_databases_are_separate(database_url: str, database_kind: str) -> None:
    other = create_database(database_kind)
    execute(database_url, "CREATE TABLE mark (id INTEGER PRIMARY KEY)")
    assert tables(other) == set()
    assert tables(database_url) == {"mark"}
    drop_database(other)


def test_a_dropped_database_is_gone_and_may_be_dropped_again(database_kind: str) -> None:
    url = create_database(database_kind)
    drop_database(url)
    drop_database(url)
    if database_kind == "sqlite":
        assert not sqlite_path(url).parent.exists()
    else:
        with pytest.raises(Exception, match=r"does not exist|Unknown database"):
            execute(url, "SELECT 1")


def test_a_migrated_database_has_the_tables_rows_and_rules_of_its_template(database_kind: str) -> None:
    url = create_migrated_database(database_kind, upgrade=small_upgrade)
    assert tables(url) == {"parent", "child"}
    assert execute(url, "SELECT id, twice FROM parent") == [(21, 42)]
    if database_kind != "sqlite":
        with pytest.raises(Exception, match="foreign key"):
            execute(url, "INSERT INTO child (parent_id) VALUES (1)")
    drop_database(url)


def test_what_one_migrated_database_changes_no_other_sees(database_kind: str) -> None:
    first, second = (create_migrated_database(database_kind, upgrade=small_upgrade) for _ in range(2))
    execute(first, "DELETE FROM parent")
    assert execute(second, "SELECT id FROM parent") == [(21,)]
    drop_database(first)
    drop_database(second)


@pytest.mark.databases("mysql")
def test_a_template_with_more_than_tables_is_refused(database_kind: str, database_url: str) -> None:
    execute(database_url, "CREATE VIEW answer AS SELECT 42")
    with pytest.raises(ValueError, match="only tables are copied"):
        create_database(database_kind, template=database_url)


def test_the_choice_is_kept_in_the_suites_order() -> None:
    assert chosen_kinds({"DB": "mysql, sqlite"}) == ("sqlite", "mysql")
    assert chosen_kinds({}) == chosen_kinds({"DB": ""}) == KINDS


def test_an_unknown_choice_is_an_error() -> None:
    with pytest.raises(UnknownKind, match="DB names oracle; known are sqlite, postgresql, mysql"):
        chosen_kinds({"DB": "sqlite,oracle"})


@pytest.mark.parametrize("kind", ENGINES)
def test_a_missing_program_says_what_to_install(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        DatabaseMissing, match=rf"not found: install \w.*, or name a server in LINEAL_TEST_{kind.upper()}"
    ):
        require_programs(kind, folders=(), may_install=False)


def test_missing_programs_are_installed_where_we_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = tmp_path / "apt-get"
    installed = tmp_path / "sbin"
    creation = f"mkdir -p {installed}; touch {installed}/mariadbd {installed}/mariadb-install-db"
    installer.write_text(f'#!/bin/sh\nPATH=/bin:/usr/bin\necho "$@" >> {tmp_path}/calls\n{creation}\n')
    installer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert require_programs("mysql", folders=(str(installed),)) == [
        installed / "mariadbd",
        installed / "mariadb-install-db",
    ]
    update, install = (tmp_path / "calls").read_text().splitlines()
    assert update.endswith(" update")
    assert install.endswith(" install --yes --no-install-recommends mariadb-server-core mariadb-client-core")


def test_a_failed_installation_shows_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installer = tmp_path / "apt-get"
    installer.write_text("#!/bin/sh\necho no route to the mirror\nexit 100\n")
    installer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    with pytest.raises(DatabaseMissing, match="no route to the mirror"):
        require_programs("postgresql", folders=())


def test_the_newest_of_several_versions_is_used(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "lineal-no-such-program").touch()
    found = find_program("lineal-no-such-program", folders=(f"{tmp_path}/*/bin",))
    assert found == tmp_path / "17" / "bin" / "lineal-no-such-program"


def test_what_is_made_once_is_made_once_and_its_failure_is_remembered(tmp_path: Path) -> None:
    session, calls = Session(tmp_path), []

    def fail() -> str:
        calls.append(1)
        raise RuntimeError("the disk is full")

    assert [session.once("port", lambda: str(free_port())) for _ in range(2)] == [(tmp_path / "port").read_text()] * 2
    with pytest.raises(RuntimeError, match="the disk is full"):
        session.once("server", fail)
    with pytest.raises(DatabaseMissing, match="the disk is full"):
        session.once("server", fail)
    assert len(calls) == 1
