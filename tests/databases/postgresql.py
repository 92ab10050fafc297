"""PostgreSQL for the harness. Called by private.py and fresh.py only."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg

from tests.databases.engine import (
    ACCOUNT,
    DATA_FOLDER,
    PASSWORD_FILE,
    NotAnswering,
    make_password,
    run_tool,
)
from tests.databases.programs import require_programs

# Unkind on purpose: a linguistic order and a zone off the hour, so that whoever relies on the server's defaults for
# byte order or UTC fails here.
LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "1000",
    "timezone": "Asia/Kathmandu",
}

CONNECT_SECONDS = 5.0


class Postgresql:
    """The Engine for PostgreSQL 15 and newer."""

    kind = "postgresql"
    home = "postgres"
    stop_signal = signal.SIGINT
    quit_signal = signal.SIGQUIT
    kill_leaves_traces = True

    def initialise(self, folder: Path) -> None:
        """See Engine."""
        _, initdb = require_programs(self.kind)
        make_password(folder)
        command = [str(initdb), f"--pgdata={folder / DATA_FOLDER}", f"--username={ACCOUNT}", "--auth=scram-sha-256"]
        command += [f"--pwfile={folder / PASSWORD_FILE}", "--no-sync", "--no-instructions", *LOCALE]
        run_tool(command, folder)

    def command(self, folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
        """See Engine."""
        postgres, _ = require_programs(self.kind)
        chosen = SETTINGS | {"port": str(port)} | dict(settings)
        return [str(postgres), "-D", str(folder / DATA_FOLDER), *(f"--{name}={chosen[name]}" for name in chosen)]

    def ping(self, server_url: str, *, is_starting: bool = False) -> None:
        """See Engine."""
        # A server that is starting refuses once it has shaken hands, and the driver does not wait for the end of TLS: the
        # loop ends with an open connection, which fails whichever test runs when the garbage is collected.
        options = {"ssl": False} if is_starting else {}
        try:
            _with_connection(server_url, lambda connection: connection.fetchval("SELECT 1"), **options)
        except (OSError, TimeoutError, asyncpg.PostgresError) as error:
            raise NotAnswering(str(error)) from error

    def create(self, server_url: str, name: str, *, template: str | None = None) -> None:
        """See Engine."""
        copy = f' TEMPLATE "{template}"' if template else ""
        _with_connection(server_url, lambda connection: connection.execute(f'CREATE DATABASE "{name}"{copy}'))

    def drop(self, server_url: str, name: str) -> None:
        """See Engine."""
        statement = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        _with_connection(server_url, lambda connection: connection.execute(statement))

    def names(self, server_url: str, prefix: str) -> list[str]:
        """See Engine."""
        statement = "SELECT datname FROM pg_database WHERE starts_with(datname, $1)"
        rows = _with_connection(server_url, lambda connection: connection.fetch(statement, prefix))
        return [row["datname"] for row in rows]


def _with_connection(url: str, work: Callable[[asyncpg.Connection], Awaitable[Any]], **options: Any) -> Any:
    async def connected() -> Any:
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, **options)
        try:
            return await work(connection)
        finally:
            await connection.close()

    # In a thread of its own, because the caller may already be inside a running loop.
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, connected()).result()
