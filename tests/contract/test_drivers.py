"""What every driver of MySQL and MariaDB must do that SQLAlchemy does not; the other tests of this folder run on both, too."""

import asyncio
import sys
from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest

from storage.errors import Unavailable
from storage.sql.dialects import dialect_for
from storage.sql.dialects.mysql_driver import DRIVERS, installed_driver
from storage.sql.store import SqlStore
from tests.databases import PrivateServer
from tests.databases.queries import execute
from tests.listening import listening

pytestmark = pytest.mark.databases("mysql")

PASSWORD = "pässwörd € 密 @:/?#%'"
HANGING_SECONDS = 20


async def test_a_password_may_have_any_characters(
    database_kind: str, start_private_server: Callable[..., PrivateServer]
) -> None:
    server, quoted = start_private_server(database_kind), PASSWORD.replace("'", "''")
    execute(f"{server.url}mysql", f"CREATE USER named@'127.0.0.1' IDENTIFIED BY '{quoted}'")
    port = urlsplit(server.url).port
    store = SqlStore(f"mysql://named:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/information_schema")
    await store.ready()
    await store.close()


async def test_a_connection_that_is_cancelled_while_it_is_made_is_closed(database_kind: str) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        begun.set()
        await reader.read()
        ended.set()

    async with listening(say_nothing) as port:
        store = SqlStore(f"{database_kind}://user:password@127.0.0.1:{port}/name")
        calling = asyncio.create_task(store.read(lambda tx: tx.runs.head("x")))
        async with asyncio.timeout(HANGING_SECONDS):
            await begun.wait()
            await asyncio.sleep(0.05)  # by then it waits for the first word of the server, not for its socket
            calling.cancel()
            await asyncio.wait([calling])
            await ended.wait()
        await store.close()


@pytest.mark.parametrize("missing", [(), DRIVERS[:1]], ids=["both", "the second"])
def test_the_first_driver_that_is_installed_is_used(missing: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(missing, monkeypatch)
    assert dialect_for("mysql://user:password@host/name").url.drivername == f"mysql+{DRIVERS[len(missing)]}"


def test_without_a_driver_a_store_of_mysql_is_refused_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    uninstall(DRIVERS, monkeypatch)
    with pytest.raises(Unavailable, match="install one of asyncmy, aiomysql"):
        dialect_for("mysql://user:password@host/name")
    dialect_for("postgresql://user:password@host/name")


def uninstall(names: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test, let drivers be none that can be imported."""
    monkeypatch.setattr("storage.sql.dialects.mysql.installed_driver", installed_driver.__wrapped__)
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)
        monkeypatch.delitem(sys.modules, f"storage.sql.dialects.mysql_{name}", raising=False)
