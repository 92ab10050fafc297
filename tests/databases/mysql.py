"""MariaDB for the harness, under the kind `mysql`. Called by private.py and fresh.py only."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.constants import ER
from pymysql.cursors import Cursor

from tests.databases.account import hand_over
from tests.databases.engine import (
    ACCOUNT,
    DATA_FOLDER,
    NotAnswering,
    make_password,
    run_tool,
)
from tests.databases.programs import require_programs

# Unkind on purpose: the character set and collation stay the server's own defaults (case-insensitive, not utf8mb4
# before MariaDB 11.6) and the zone is off the hour, so that whoever relies on the defaults fails here.
SETTINGS = {
    "bind-address": "127.0.0.1",
    "skip-name-resolve": "1",
    "default-time-zone": "+05:45",
    "max-connections": "1000",
    # Small files are copied quickly.
    "innodb-log-file-size": "16M",
    # Relative: the full path may be longer than a socket's name may be.
    "socket": "server.socket",
}

ACCOUNTS_FILE = "accounts.sql"
CONNECT_SECONDS = 5
STATEMENT_SECONDS = 60


class Mysql:
    """The Engine for MariaDB 10.6 and newer."""

    kind = "mysql"
    home = ""
    stop_signal = signal.SIGTERM
    quit_signal = signal.SIGKILL
    kill_leaves_traces = False

    def initialise(self, folder: Path) -> None:
        """See Engine."""
        _, install = require_programs(self.kind)
        password = make_password(folder)
        run_tool(
            [
                str(install),
                "--no-defaults",
                f"--datadir={folder / DATA_FOLDER}",
                f"--innodb-log-file-size={SETTINGS['innodb-log-file-size']}",
                # In a shared one, two installations at a time take each other's temporary tables away.
                f"--tmpdir={folder}",
                "--skip-test-db",
                "--skip-name-resolve",
            ],
            folder,
        )
        # The server reads one statement a line from it, at each start.
        accounts = folder / ACCOUNTS_FILE
        accounts.touch(mode=0o600)
        accounts.write_text(
            f"CREATE USER IF NOT EXISTS '{ACCOUNT}'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            f"GRANT ALL PRIVILEGES ON *.* TO '{ACCOUNT}'@'127.0.0.1' WITH GRANT OPTION;\n"
        )
        hand_over(accounts)

    def command(self, folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
        """See Engine."""
        server, _ = require_programs(self.kind)
        chosen = (
            SETTINGS
            | {"port": str(port), "tmpdir": str(folder), "init-file": str(folder / ACCOUNTS_FILE)}
            | dict(settings)
        )
        options = [f"--{name}={value}" for name, value in chosen.items()]
        return [str(server), "--no-defaults", f"--datadir={folder / DATA_FOLDER}", *options]

    def ping(self, server_url: str, *, is_starting: bool = False) -> None:
        """See Engine."""
        try:
            with _cursor(server_url) as cursor:
                cursor.execute("SELECT 1")
        except (OSError, pymysql.MySQLError) as error:
            raise NotAnswering(str(error)) from error

    def create(self, server_url: str, name: str, *, template: str | None = None) -> None:
        """See Engine. A template may hold tables and rows, nothing else."""
        with _cursor(server_url) as cursor:
            cursor.execute(f"CREATE DATABASE `{name}`")
            if template:
                _copy_tables(cursor, template, name)

    def drop(self, server_url: str, name: str) -> None:
        """See Engine."""
        with _cursor(server_url) as cursor:
            # A forgotten open transaction would hold up DROP DATABASE for as long as it lives.
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (connection,) in cursor.fetchall():
                _end_connection(cursor, connection)
            cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def names(self, server_url: str, prefix: str) -> list[str]:
        """See Engine."""
        with _cursor(server_url) as cursor:
            cursor.execute("SELECT schema_name FROM information_schema.schemata")
            return [name for (name,) in cursor.fetchall() if name.startswith(prefix)]


@contextmanager
def _cursor(url: str) -> Iterator[Cursor]:
    parts = urlsplit(url)
    connection = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        connect_timeout=CONNECT_SECONDS,
        read_timeout=STATEMENT_SECONDS,
        # Preparing for TLS, which loopback does not need, takes longer than all the rest: 20 ms.
        ssl_disabled=True,
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        yield cursor


def _end_connection(cursor: Cursor, connection_id: int) -> None:
    try:
        cursor.execute(f"KILL CONNECTION {connection_id}")
    except pymysql.MySQLError as error:
        if error.args[0] != ER.NO_SUCH_THREAD:
            raise


def _copy_tables(cursor: Cursor, template: str, name: str) -> None:
    # MariaDB has no CREATE DATABASE … TEMPLATE; the definitions and rows are replayed, which is still 20 times
    # quicker than running all migrations.
    cursor.execute(f"USE `{name}`")
    cursor.execute("SET SESSION foreign_key_checks = 0")
    cursor.execute("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = %s", (template,))
    for table, table_type in cursor.fetchall():
        if table_type != "BASE TABLE":
            raise ValueError(f"template {template} holds {table}, a {table_type}: only tables are copied")
        cursor.execute(f"SHOW CREATE TABLE `{template}`.`{table}`")
        cursor.execute(cursor.fetchone()[1])
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            " AND COALESCE(generation_expression, '') = '' ORDER BY ordinal_position",
            (template, table),
        )
        columns = ", ".join(f"`{column}`" for (column,) in cursor.fetchall())
        cursor.execute(f"INSERT INTO `{table}` ({columns}) SELECT {columns} FROM `{template}`.`{table}`")
    cursor.execute("SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = %s", (template,))
    if cursor.fetchone()[0]:
        raise ValueError(f"template {template} holds triggers: only tables are copied")
