"""Passwords come from files or from the terminal, and are repeated nowhere."""

import contextlib
import os
import pty
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest

from tests.databases import create_database, drop_database
from tests.databases.queries import execute
from tests.faults.cluster import clean_environment
from tests.migrations.refusing import PASSWORD, changed, new_user
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import STORES, store_url
from tests.mlmd_import.imports import command, everything, ran

on_servers = pytest.mark.databases("postgresql", "mysql")
on_a_file = pytest.mark.databases("sqlite")


@pytest.fixture
def source_url(database_kind: str) -> Iterator[str]:
    """A store on a server."""
    url = create_database(database_kind)
    copy = {"mysql": copy_to_mysql, "postgresql": copy_to_postgresql}[database_kind]
    copy(STORES / "kfp_main.sqlite", url)
    yield url
    drop_database(url)


def without_password(url: str) -> tuple[str, str]:
    """A URL without its password, and the password."""
    parts = urlsplit(url)
    return changed(url, account=parts.username), unquote(parts.password or "")


def in_file(password: str, path: Path) -> str:
    path.write_text(password + "\n")
    return str(path)


def ran_on_a_terminal(answer: str, *words: str) -> tuple[int, str]:
    """A command run with a terminal as its input, whose every question is answered: its exit status, and all that it says."""
    own, its = pty.openpty()
    process = subprocess.Popen(
        words,
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        env=clean_environment(),
    )
    os.close(its)
    assert process.stdout is not None
    said = b""
    with closing(os.fdopen(own, "r+b", buffering=0)) as terminal, process:
        while chunk := os.read(process.stdout.fileno(), 4096):
            said += chunk
            # What is written before the question is asked is thrown away.
            if chunk.endswith(b"(none if empty): "):
                terminal.write(f"{answer}\n".encode())
    return process.returncode, said.decode()


@on_servers
def test_passwords_come_from_files_and_are_repeated_nowhere(
    source_url: str, migrated_url: str, database_kind: str, tmp_path: Path
) -> None:
    kfp = create_database(database_kind)
    make_kfp_database(kfp)
    report = tmp_path / "report.json"
    try:
        urls = [without_password(url) for url in (source_url, migrated_url, kfp)]
        (source, secret), (store, _), (kfp_url, _) = urls
        file = in_file(secret, tmp_path / "password")
        words = [*command(source, store, "--kfp-db", kfp_url, "--report", str(report)), "--source-password-file", file]
        ended = ran(*words, "--store-password-file", file, "--kfp-db-password-file", file)
    finally:
        drop_database(kfp)
    assert (ended.returncode, ended.stderr) == (0, "")
    said = [ended.stdout, report.read_text(), str(everything(migrated_url)["import_jobs"])]
    assert not [text for text in said if secret in text]
    assert ":***@" in said[-1]


@on_servers
def test_a_password_from_a_file_is_not_on_any_command_line(source_url: str, migrated_url: str, tmp_path: Path) -> None:
    (source, secret), (store, _) = map(without_password, (source_url, migrated_url))
    file = in_file(secret, tmp_path / "password")
    words = [*command(source, store), "--source-password-file", file, "--store-password-file", file]
    seen = set[bytes]()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=clean_environment()) as process:
        while process.poll() is None:
            # A process may end while it is looked at.
            with contextlib.suppress(OSError):
                children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
                seen |= {Path(f"/proc/{id}/cmdline").read_bytes() for id in (process.pid, *children)}
            time.sleep(0.01)
    assert process.returncode == 0
    assert any(file.encode() in line for line in seen)
    assert not [line for line in seen if secret.encode() in line]


@on_servers
def test_a_password_of_any_characters_is_taken_as_it_is(source_url: str, database_kind: str, tmp_path: Path) -> None:
    with new_user(source_url, database_kind, may={"postgresql": "USAGE", "mysql": "SELECT"}[database_kind]) as url:
        name = urlsplit(url).username
        if database_kind == "postgresql":
            execute(source_url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
        words = command(changed(url, account=name), f"sqlite:///{tmp_path}/lineal.sqlite")
        assert ran(*words, "--source-password-file", in_file(PASSWORD, tmp_path / "right")).returncode == 0
        refused = ran(*words, "--source-password-file", in_file(f"{PASSWORD}x", tmp_path / "wrong"))
    assert refused.returncode == 1
    assert "refuses the password of this user, or does not know the user" in refused.stderr
    assert PASSWORD not in refused.stderr
    assert quote(PASSWORD, safe="") not in refused.stderr


@on_servers
def test_passwords_are_asked_for_on_a_terminal(source_url: str, migrated_url: str, database_kind: str) -> None:
    kfp = create_database(database_kind)
    make_kfp_database(kfp)
    try:
        (source, secret), (store, _), (kfp_url, _) = map(without_password, (source_url, migrated_url, kfp))
        status, said = ran_on_a_terminal(secret, *command(source, store, "--kfp-db", kfp_url))
    finally:
        drop_database(kfp)
    user = urlsplit(source_url).username
    assert status == 0, said
    for what in ("the source", "the store", "KFP's database"):
        assert said.count(f"Password of {user} for {what} (none if empty): ") == 1
    assert secret not in said


@on_servers
def test_without_a_terminal_nothing_is_asked_for(source_url: str, tmp_path: Path) -> None:
    source, _ = without_password(source_url)
    ended = ran(*command(source, f"sqlite:///{tmp_path}/lineal.sqlite"))
    assert ended.returncode == 1
    assert "Password of" not in ended.stdout + ended.stderr


@on_servers
def test_a_url_with_a_password_and_a_file_ask_for_nothing(
    source_url: str, make_migrated: Callable[[], str], tmp_path: Path
) -> None:
    store, secret = without_password(make_migrated())
    file = in_file(secret, tmp_path / "password")
    status, said = ran_on_a_terminal("", *command(source_url, store, "--store-password-file", file))
    assert (status, "Password of" in said) == (0, False), said


@on_a_file
def test_a_file_needs_no_password(database_url: str, tmp_path: Path) -> None:
    kfp = f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp)
    status, said = ran_on_a_terminal("", *command(store_url("kfp_main"), database_url, "--kfp-db", kfp))
    assert (status, "Password of" in said) == (0, False), said


@on_a_file
@pytest.mark.parametrize(
    ("source", "text", "sentence"),
    [
        (
            "mysql://user:other@host/db",
            "word",
            "the URL of the source has a password, and {} names another; remove one of them",
        ),
        ("mysql://host/db", "word", "{} needs a user in the URL of the source, such as postgresql://user@host/name"),
        ("sqlite:///mlmd.sqlite", "word", "{} is for a database server, but the source is a SQLite file"),
        ("mysql://user@host/db", "\n", "the file that {} names is empty"),
        ("mysql://user@host/db", None, "the file that {} names cannot be read: No such file or directory"),
    ],
)
@pytest.mark.parametrize("option", ["--source-password-file", "--kfp-db-password-file"])
def test_a_password_file_that_makes_no_sense_is_refused(
    option: str, source: str, text: str | None, sentence: str, database_url: str, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "word").write_text(text)
    of_kfp = option.startswith("--kfp")
    words = (
        command(store_url("kfp_main"), database_url, "--kfp-db", source) if of_kfp else command(source, database_url)
    )
    ended = ran(*words, option, str(tmp_path / "word"))
    said = sentence.format(option)
    said = said.replace("the source", "KFP's database") if of_kfp else said
    assert (ended.returncode, ended.stderr) == (2, f"lineal-server: {said}\n")
