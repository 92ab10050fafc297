"""Options of a store URL that encrypt the connection to a server database, as docs/operations.md lists them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from sqlalchemy import text

from storage.errors import Unavailable
from storage.sql.store import SqlStore
from tests.databases import PrivateServer
from tests.databases.account import hand_over, temporary_folder
from tests.databases.queries import execute

pytestmark = pytest.mark.databases("postgresql", "mysql")

NAMES = {
    "postgresql": {"certificate": "ssl_cert_file", "key": "ssl_key_file"},
    "mysql": {"certificate": "ssl-cert", "key": "ssl-key"},
}
CIPHER = {
    "postgresql": "SELECT cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the servers' account can pass through."""
    path = temporary_folder("lineal-tls-")
    yield path
    shutil.rmtree(path)


def settings_of(kind: str, authority: trustme.CA, folder: Path) -> dict[str, str]:
    """Settings of a server that has a certificate for 127.0.0.1."""
    certificate = authority.issue_cert("127.0.0.1")
    files = {"certificate": certificate.cert_chain_pems[0], "key": certificate.private_key_pem}
    for name, content in files.items():
        path = folder / name
        content.write_to_path(str(path))
        path.chmod(0o600)
        hand_over(path)
    options = {NAMES[kind][name]: str(folder / name) for name in files}
    return {**options, **({"ssl": "on"} if kind == "postgresql" else {})}


def trusting(url: str, kind: str, authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL that trusts only one authority."""
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    if kind == "mysql":
        return f"{url}mysql?ssl_ca={path}"
    monkeypatch.setenv("PGSSLROOTCERT", str(path))
    return f"{url}?sslmode=verify-full"


async def cipher(url: str, kind: str) -> str:
    store = SqlStore(url)
    try:
        await store.ready()
        async with store.engines[0].connect() as connection:
            return str((await connection.execute(text(CIPHER[kind]))).scalar())
    finally:
        await store.close()


async def test_a_server_is_trusted_only_with_a_certificate_of_the_named_authority(
    database_kind: str,
    start_private_server: Callable[..., PrivateServer],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = trustme.CA()
    server = start_private_server(database_kind, settings=settings_of(database_kind, authority, folder))
    trusted = trusting(server.url, database_kind, authority, folder, monkeypatch)
    assert await cipher(trusted, database_kind) not in ("", "None")
    trusted = trusting(server.url, database_kind, trustme.CA(), folder, monkeypatch)
    with pytest.raises(Unavailable):
        await cipher(trusted, database_kind)


async def test_a_server_that_does_not_encrypt_is_refused_where_encryption_is_asked_for(
    database_kind: str, migrated_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cipher(migrated_url, database_kind)
    path = folder / "authority.pem"
    trustme.CA().cert_pem.write_to_path(str(path))
    monkeypatch.setenv("PGSSLROOTCERT", str(path))
    option = f"ssl_ca={path}" if database_kind == "mysql" else "sslmode=verify-full"
    with pytest.raises(Unavailable):
        await cipher(f"{migrated_url}?{option}", database_kind)


@pytest.mark.databases("mysql")
async def test_a_client_presents_the_certificate_that_the_url_names(
    database_kind: str,
    start_private_server: Callable[..., PrivateServer],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    authority = trustme.CA()
    url = trusting("", database_kind, authority, folder, monkeypatch).partition("?")[2]
    settings = {**settings_of(database_kind, authority, folder), "ssl-ca": str(folder / "authority.pem")}
    server = start_private_server(database_kind, settings=settings)
    execute(f"{server.url}mysql", "CREATE USER certified@'127.0.0.1' REQUIRE X509")
    certificate = authority.issue_cert("client")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "client.pem"))
    base = f"mysql://certified@127.0.0.1:{urlsplit(server.url).port}/information_schema?{url}"
    client = folder / "client.pem"
    assert await cipher(f"{base}&ssl_cert={client}&ssl_key={client}", database_kind) not in ("", "None")
    with pytest.raises(Unavailable):
        await cipher(base, database_kind)
