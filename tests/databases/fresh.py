"""Fresh databases, empty or migrated, one per call. Called by the fixtures, and by tests that need more than one."""

import hashlib
import inspect
import secrets
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import urlsplit

from tests.databases.account import temporary_folder
from tests.databases.engine import database_in, with_database
from tests.databases.private import ENGINES
from tests.databases.session import NAME_PREFIX, NoSession, current_session

SQLITE = "sqlite"
SQLITE_PREFIX = "sqlite:///"
SQLITE_FILE = "lineal.sqlite"

Upgrade = Callable[[str], object]
"""Brings the database a URL names to the newest schema."""


def create_database(kind: str, *, server: str | None = None, template: str | None = None) -> str:
    """A new database's plain URL: empty, or a copy of the database the URL `template` names.

    It lies on the session's server, or on the one `server` names (the URL of a PrivateServer); SQLite has no server.
    Nobody may be connected to the template. Raises DatabaseMissing, or NoSession without session and server.
    """
    if kind == SQLITE:
        return _create_file(template)
    prefix = NAME_PREFIX if server else current_session().prefix
    server_url = server or current_session().server_url(kind)
    name = prefix + secrets.token_hex(8)
    ENGINES[kind].create(server_url, name, template=database_in(template) if template else None)
    return with_database(server_url, name)


def drop_database(url: str) -> None:
    """Remove the database, ending the connections to it; nothing happens when it is gone already."""
    kind = urlsplit(url).scheme
    if kind == SQLITE:
        shutil.rmtree(sqlite_path(url).parent, ignore_errors=True)
        return
    engine = ENGINES[kind]
    engine.drop(with_database(url, engine.home), database_in(url))


def create_migrated_database(kind: str, *, upgrade: Upgrade | None = None) -> str:
    """The plain URL of a new database at the newest schema, with the rows that the upgrade itself makes.

    The upgrade (the application's own, unless another is given) runs once per session and kind; all databases are
    copies of what it made, so they share its generated rows (ids, keys).
    """
    chosen = upgrade or _application_upgrade()
    key = hashlib.sha256(f"{inspect.getfile(chosen)}:{chosen.__qualname__}".encode()).hexdigest()[:12]
    template = current_session().once(f"{kind}-template-{key}", lambda: _migrated(kind, chosen))
    return create_database(kind, template=template)


def sqlite_path(url: str) -> Path:
    """The file that a SQLite URL names."""
    return Path(url.removeprefix(SQLITE_PREFIX))


def _create_file(template: str | None) -> str:
    try:
        path = Path(mkdtemp(prefix="sqlite-", dir=current_session().folder)) / SQLITE_FILE
    except NoSession:
        path = temporary_folder("lineal-sqlite-") / SQLITE_FILE
    if template:
        shutil.copyfile(sqlite_path(template), path)
    return f"{SQLITE_PREFIX}{path}"


def _migrated(kind: str, upgrade: Upgrade) -> str:
    url = create_database(kind)
    with ThreadPoolExecutor(max_workers=1) as threads:
        # The application's upgrade runs an event loop of its own, which it cannot do below the one of whoever asks first.
        threads.submit(upgrade, url).result()
    if kind == SQLITE:
        with closing(sqlite3.connect(sqlite_path(url))) as connection:
            # Only the file itself is copied.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return url


def _application_upgrade() -> Upgrade:
    # Late, because the harness serves benchmarks and its own tests without the application.
    from migrations.upgrade import upgrade

    return upgrade
