"""Encryption that cannot be set up is refused in one sentence, which names the file or the option to correct."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from migrations.upgrade import upgrade_async
from tests.migrations.refusing import refusals

servers_only = pytest.mark.databases("postgresql", "mysql")


@pytest.mark.databases("postgresql")
@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_authorities_that_are_not_there_are_named(
    database_url: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("PGSSLROOTCERT", raising=False)
    [sentence] = refusals(f"{database_url}?sslmode={mode}")
    file = tmp_path / ".postgresql" / "root.crt"
    assert sentence.endswith(
        f" cannot be used: the file {file}, which sslmode={mode} needs unless PGSSLROOTCERT names another, cannot be read: "
        "No such file or directory"
    )


CERTIFICATES = [
    (None, "cannot be read: No such file or directory"),
    ("no certificate", "has no certificates"),
]


@servers_only
@pytest.mark.parametrize(("content", "expected"), CERTIFICATES)
def test_a_file_of_authorities_that_cannot_be_used_is_named(
    database_url: str, content: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("PGSSLROOTCERT", str(file))
    scheme = urlsplit(database_url).scheme
    url, name = {
        "postgresql": (f"{database_url}?sslmode=verify-full", "PGSSLROOTCERT"),
        "mysql": (f"{database_url}?ssl_ca={file}", "ssl_ca"),
    }[scheme]
    [sentence] = refusals(url)
    assert sentence.endswith(f" cannot be used: the file {file}, which {name} names, {expected}")


@servers_only
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "a file that {} name cannot be read: No such file or directory"),
        ("no certificate", "the files that {} name are not a certificate and its key"),
    ],
)
def test_a_certificate_that_cannot_be_shown_is_refused(
    database_url: str, content: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authorities, file = tmp_path / "authorities.pem", tmp_path / "own.pem"
    trustme.CA().cert_pem.write_to_path(str(authorities))
    if content is not None:
        file.write_text(content)
    for name, value in (("PGSSLROOTCERT", authorities), ("PGSSLCERT", file), ("PGSSLKEY", file)):
        monkeypatch.setenv(name, str(value))
    scheme = urlsplit(database_url).scheme
    url, names = {
        "postgresql": (f"{database_url}?sslmode=verify-full", "PGSSLCERT and PGSSLKEY"),
        "mysql": (f"{database_url}?ssl_ca={authorities}&ssl_cert={file}&ssl_key={file}", "ssl_cert and ssl_key"),
    }[scheme]
    [sentence] = refusals(url)
    assert sentence.endswith(f" cannot be used: {expected.format(names)}")


@pytest.mark.databases("mysql")
def test_a_server_that_does_not_encrypt_is_refused_by_those_who_ask_for_it(database_url: str, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "authorities.pem"))
    [sentence] = refusals(f"{database_url}?ssl_ca={tmp_path}/authorities.pem")
    assert "cannot be used: it does not encrypt connections, as the URL asks" in sentence


@pytest.mark.databases("postgresql")
def test_a_server_without_encryption_is_used_only_by_those_who_do_not_ask_for_it(database_url: str) -> None:
    [sentence] = refusals(f"{database_url}?sslmode=require")
    assert sentence.endswith(" cannot be used: it does not encrypt connections, which sslmode=require asks for")
    asyncio.run(upgrade_async(f"{database_url}?sslmode=disable"))
