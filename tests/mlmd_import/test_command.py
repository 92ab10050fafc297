"""lineal-server import-mlmd: exit codes, sentences, reports, and every store of the data folder."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from tests.databases.queries import execute, tables
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql, restore_dump
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import RUNS_FILE, STORES, store_url
from tests.mlmd_import.imports import command, contents, ran

on_a_file = pytest.mark.databases("sqlite")

IMPORTED = {
    "kfp_main": {"runs": 16, "tasks": 104, "artifacts": 47},
    "kfp_v1_metadata_writer": {"runs": 2, "tasks": 6, "artifacts": 6},
    "tfx_like": {"runs": 3, "tasks": 7, "artifacts": 30},
    "schema_v9": {"runs": 3, "tasks": 7, "artifacts": 30},
    "schema_v6": {"runs": 3, "tasks": 7, "artifacts": 30},
    "damaged_dangling_events": {"runs": 16, "tasks": 104, "artifacts": 47},
    "damaged_missing_types": {"runs": 16, "tasks": 104},
    "damaged_nulls": {"runs": 16, "tasks": 104},
    "damaged_parent_dag_cycle": {"runs": 16, "tasks": 104},
}
REFUSED = {
    "damaged_not_mlmd": "is not an MLMD store",
    "damaged_truncated": "is cut off",
}
FINDINGS = {
    "kfp_v1_metadata_writer": {"ARTIFACTS_OF_OTHER_TYPES"},
    "tfx_like": {"EXECUTIONS_WITHOUT_RUN", "CONTEXTS_WITHOUT_PLACE", "ARTIFACTS_WITHOUT_TASK"},
    "damaged_dangling_events": {"DANGLING_EVENTS", "DANGLING_PATHS", "EVENTS_WITHOUT_KEY"},
    "damaged_missing_types": {"CONTEXTS_OF_MISSING_TYPE", "EXECUTIONS_OF_MISSING_TYPE", "ARTIFACTS_OF_MISSING_TYPE"},
    "damaged_nulls": {"VALUES_NULL"},
    "damaged_parent_dag_cycle": {"PARENT_CYCLES"},
}


def read(report: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_every_store_of_the_folder_is_told_about() -> None:
    assert {path.stem for path in STORES.glob("*.sqlite")} == IMPORTED.keys() | REFUSED.keys()


@on_a_file
@pytest.mark.parametrize("name", IMPORTED)
def test_a_store_imports_and_its_report_says_what_was_found(name: str, database_url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    ended = ran(*command(store_url(name), database_url, "--report", str(report)))
    assert (ended.returncode, ended.stderr) == (0, "")
    found = read(report)
    assert found["outcome"] == "done"
    assert {kind: found["records"][kind]["created"] for kind in IMPORTED[name]} == IMPORTED[name]
    assert FINDINGS.get(name, set()) <= {finding["rule"] for finding in found["findings"]}
    assert ran(*command(store_url(name), database_url, "--verify")).returncode == 0


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_whole_store_is_refused(name: str, database_url: str) -> None:
    assert_refused(store_url(name), database_url, REFUSED[name])


def assert_refused(source: str, store: str, sentence: str, *arguments: str) -> None:
    """The import ends with status 1 and one sentence, and nothing is written."""
    ended = ran(*command(source, store, *arguments, "--upgrade"))
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert sentence in ended.stderr
    assert tables(store) == set()


@on_a_file
def test_a_newer_schema_is_refused(database_url: str, tmp_path: Path) -> None:
    newer = tmp_path / "newer.sqlite"
    newer.write_bytes((STORES / "kfp_main.sqlite").read_bytes())
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = 11")
    assert_refused(f"sqlite:///{newer}", database_url, "schema version 11")


@pytest.mark.databases("postgresql", "mysql")
def test_a_wrong_password_of_the_source_is_refused(database_url: str, database_kind: str) -> None:
    parts = urlsplit(database_url)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}"))
    assert_refused(wrong, database_url, "refuses the password of this user, or does not know the user")


@pytest.mark.databases("postgresql", "mysql")
def test_a_wrong_password_of_the_store_is_refused(database_url: str) -> None:
    parts = urlsplit(database_url)
    wrong = urlunsplit(parts._replace(netloc=f"{parts.username}:wrong@{parts.hostname}:{parts.port}"))
    ended = ran(*command(store_url("kfp_main"), wrong))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "refuses the password of this user, or does not know the user" in ended.stderr
    assert "wrong" not in ended.stderr
    assert tables(database_url) == set()


@pytest.mark.databases("postgresql", "mysql")
def test_an_empty_database_needs_the_upgrade_to_be_asked_for(database_url: str) -> None:
    refused = ran(*command(store_url("kfp_main"), database_url))
    assert refused.returncode == 1
    assert "run `lineal-server upgrade`" in refused.stderr
    assert tables(database_url) == set()
    assert ran(*command(store_url("kfp_main"), database_url, "--upgrade")).returncode == 0


@pytest.mark.databases("mysql")
def test_a_restored_dump_of_mariadb_imports_with_its_text_intact(
    database_url: str, make_migrated: Callable[[], str]
) -> None:
    restore_dump(database_url)
    store = make_migrated()
    assert ran(*command(database_url, store)).returncode == 0
    texts = "".join(map(str, contents(store)["tasks"]))
    assert "tráin" in texts
    assert "Ã" not in texts


@on_a_file
def test_names_that_are_no_text_stand_in_the_report_all_the_same(database_url: str, tmp_path: Path) -> None:
    source, report = tmp_path / "source.sqlite", tmp_path / "report.json"
    source.write_bytes((STORES / "kfp_main.sqlite").read_bytes())
    with closing(sqlite3.connect(source)) as connection, connection:
        connection.execute("UPDATE Type SET name = CAST(X'ff1b' AS TEXT) WHERE name = 'system.Dataset'")
        connection.execute("UPDATE Type SET name = ? WHERE name = 'system.Model'", ["long" * 100_000])
    ended = ran(*command(f"sqlite:///{source}", database_url, "--report", str(report)))
    assert (ended.returncode, ended.stderr) == (0, "")
    kinds = {found["kind"] for found in read(report)["findings"] if found["rule"] == "ARTIFACTS_OF_OTHER_TYPES"}
    assert "\ufffd\ufffd" in kinds
    assert max(map(len, kinds)) == 200


@on_a_file
def test_the_source_cannot_be_the_store(tmp_path: Path) -> None:
    source, link = tmp_path / "source.sqlite", tmp_path / "link.sqlite"
    source.write_bytes((STORES / "kfp_main.sqlite").read_bytes())
    link.symlink_to(source)
    ended = ran(*command(f"sqlite:///{source}", f"sqlite:///{link}"))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "cannot be the store as well" in ended.stderr
    assert source.read_bytes() == (STORES / "kfp_main.sqlite").read_bytes()


@on_a_file
def test_kfps_database_cannot_be_the_store(tmp_path: Path) -> None:
    kfp = f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    before = tables(kfp)
    ended = ran(*command(store_url("kfp_main"), kfp, "--kfp-db", kfp))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "cannot be the store as well" in ended.stderr
    assert tables(kfp) == before


@pytest.mark.databases("postgresql", "mysql")
def test_the_source_cannot_be_the_store_on_a_server(database_url: str) -> None:
    parts = urlsplit(database_url)
    source = urlunsplit(parts._replace(netloc=parts.netloc.replace("127.0.0.1", "localhost")))
    copy = copy_to_mysql if database_url.startswith("mysql") else copy_to_postgresql
    copy(STORES / "kfp_main.sqlite", database_url)
    before = tables(database_url)
    ended = ran(*command(source, database_url, "--upgrade"))
    assert (ended.returncode, ended.stderr.count("\n")) == (1, 1)
    assert "cannot be the store as well" in ended.stderr
    assert tables(database_url) == before


@on_a_file
@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--dry-run", "--verify"),
        ("--prune", "--verify"),
        ("--change-options", "--verify"),
        ("--prune", "--undo"),
        ("--yes",),
        ("--skipped", "file", "--verify"),
        ("--skipped", "file", "--undo"),
        ("--change-options", "--undo"),
        ("--store-id", "two words"),
        ("--no-such-option",),
    ],
)
def test_what_is_asked_wrongly_ends_with_status_2(words: tuple[str, ...], database_url: str) -> None:
    source = store_url("kfp_main") if words else ""
    assert ran(*command(source, database_url, *words)).returncode == 2


def test_differences_end_with_status_3_and_stand_in_the_report(migrated_url: str, tmp_path: Path) -> None:
    words = command(store_url("kfp_main"), migrated_url, "--kfp-db", str(RUNS_FILE))
    assert ran(*words).returncode == 0
    execute(migrated_url, "UPDATE artifacts SET name = 'other' WHERE id = '20ca2f7d-bb0f-591b-a6e3-d7f1c2e344cd'")
    report = tmp_path / "report.json"
    ended = ran(*words, "--verify", "--report", str(report))
    assert ended.returncode == 3
    assert read(report)["differences"] == [
        {
            "records": "artifacts",
            "id": "20ca2f7d-bb0f-591b-a6e3-d7f1c2e344cd",
            "note": "",
            "columns": [{"name": "name", "source": "data", "store": "other"}],
        }
    ]


@on_a_file
def test_a_failure_stands_in_the_report(database_url: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    assert ran(*command("sqlite:///missing.sqlite", database_url, "--report", str(report))).returncode == 1
    assert read(report)["outcome"] == "failed"
    assert "missing.sqlite" in read(report)["error"]
