"""A store that cannot be had is refused in one sentence, without the driver's words and without the password."""

import asyncio
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from migrations.upgrade import check, plan_async, upgrade_async
from storage.errors import Unavailable
from storage.sql.store import SqlStore
from tests.contract.builders import a_run, keep
from tests.databases.engine import database_in, with_database
from tests.databases.private import free_port
from tests.databases.queries import execute, tables
from tests.migrations.refusing import PASSWORD, changed, new_user, refusals

ROOT = Path(__file__).parents[2]
servers_only = pytest.mark.databases("postgresql", "mysql")


UNKNOWN_USER = "refuses the password of this user, or does not know the user"
UNKNOWN_DATABASE = "does not exist: the server has no database of this name; create it, or correct the URL"
FORBIDDEN = {
    "postgresql": "does not let this user connect; GRANT CONNECT ON DATABASE allows it",
    "mysql": "does not let this user use the database; GRANT … ON the database allows it",
}
NO_SERVER = "cannot be used: what listens there does not answer as such a server; it may be another program, or a proxy without one"
NO_RIGHT = "does not give this user a right that this needs: SELECT, INSERT, UPDATE and DELETE on all tables"


@servers_only
def test_a_wrong_password_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, account="lineal:wrong"))
    assert sentence.startswith(f"the store {changed(database_url, account='lineal:***')} {UNKNOWN_USER}")


@servers_only
def test_an_unknown_user_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, account="nobody:here"))
    assert UNKNOWN_USER in sentence


@servers_only
def test_an_unknown_database_is_refused(database_url: str) -> None:
    [sentence] = refusals(with_database(database_url, "no_such_database"))
    assert sentence.endswith(f"/no_such_database {UNKNOWN_DATABASE}")


@servers_only
def test_a_port_on_which_nobody_listens_is_refused(database_url: str) -> None:
    port = free_port()
    [sentence] = refusals(changed(database_url, port=port))
    assert sentence.endswith(f" cannot be reached: nothing listens on port {port} of 127.0.0.1")


@servers_only
def test_a_host_that_is_not_known_is_refused(database_url: str) -> None:
    [sentence] = refusals(changed(database_url, host="no-such-host.invalid"))
    assert sentence.endswith(" cannot be reached: the host name no-such-host.invalid cannot be resolved")


@servers_only
def test_a_user_who_may_not_use_the_database_is_refused(database_url: str, database_kind: str) -> None:
    with new_user(database_url, database_kind, may="") as url:
        if database_kind == "postgresql":
            execute(database_url, f"REVOKE CONNECT ON DATABASE {database_in(database_url)} FROM PUBLIC")
        [sentence] = refusals(url)
    assert sentence.endswith(f" {FORBIDDEN[database_kind]}")


@servers_only
def test_a_server_without_a_free_connection_is_refused(database_url: str, database_kind: str) -> None:
    with new_user(database_url, database_kind, may="ALL") as url:
        account = urlsplit(url).username
        limit = {
            "postgresql": f"ALTER ROLE {account} CONNECTION LIMIT 1",
            "mysql": f"GRANT USAGE ON *.* TO {account}@'127.0.0.1' WITH MAX_USER_CONNECTIONS 1",
        }[database_kind]
        execute(database_url, limit)

        async def refused_while_one_is_open() -> str:
            store = SqlStore(url, pool_size=1)
            async with store.engines[0].connect():
                with pytest.raises(Unavailable) as caught:
                    await plan_async(url)
            await store.close()
            return str(caught.value)

        assert " has no connection left: as many are open as " in asyncio.run(refused_while_one_is_open())


class Odd(socketserver.BaseRequestHandler):
    """What is no database: it answers as told, or not at all."""

    answer: bytes | None = None

    def handle(self) -> None:
        if self.answer is None:
            self.request.recv(4096)  # until the client gives up
            self.request.recv(4096)
        else:
            self.request.sendall(self.answer)


@contextmanager
def listening(answer: bytes | None) -> Iterator[int]:
    """The port of a program that is no database."""
    handler = type("Handler", (Odd,), {"answer": answer})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@servers_only
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", NO_SERVER),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", NO_SERVER),
        (None, r"cannot be reached: 127.0.0.1 does not answer on port \d+ in time; a firewall may be in between$"),
    ],
)
def test_what_is_no_database_server_is_refused(
    database_url: str, answer: bytes | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrations.upgrade.CONNECT_SECONDS", 1.0)
    with listening(answer) as port:
        [sentence] = refusals(changed(database_url, port=port))
    assert re.search(expected, sentence)


@servers_only
def test_whatever_a_driver_raises_is_a_sentence(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object, **__: object) -> None:
        raise IndexError("the driver's words")

    monkeypatch.setattr("sqlalchemy.ext.asyncio.AsyncConnection.start", fails)
    [sentence] = refusals(database_url)
    assert sentence.endswith(f" {NO_SERVER}")


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
        ("mysql://user@127.0.0.1/x?ssl_cert=a&ssl_key=b", "the store URL has ssl_cert without ssl_ca"),
        ("mysql://user@127.0.0.1/x?ssl_ca=a&ssl_key=b", "or ssl_key without ssl_cert; give all of them"),
        ("postgresql://user@127.0.0.1/x?sslmode=full", "sslmode in the store URL must be one of disable, allow, "),
    ],
)
def test_a_url_that_names_no_store_is_refused(url: str, sentence: str) -> None:
    for call in (upgrade_async, plan_async, check):
        with pytest.raises(Unavailable, match=re.escape(sentence)):
            asyncio.run(call(url))  # type: ignore[arg-type]


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


@servers_only
def test_a_user_who_may_not_make_tables_is_refused(database_url: str, database_kind: str) -> None:
    may = {"postgresql": "USAGE", "mysql": "SELECT, INSERT"}[database_kind]
    with (
        new_user(database_url, database_kind, may=may) as url,
        pytest.raises(Unavailable, match=f" {NO_RIGHT}"),
    ):
        asyncio.run(upgrade_async(url))
    assert tables(database_url) == set()
