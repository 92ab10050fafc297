"""What is said of a store that cannot be used. Called by the tests of refusals."""

import asyncio
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

from migrations.upgrade import check, plan_async, upgrade_async
from storage.errors import StorageError
from tests.databases.queries import execute

PASSWORD = "ge/he@im%:#?&=+ ü秘密"
"""Of new users: unusual on purpose."""

DRIVER_WORDS = re.compile(
    r"asyncpg|asyncmy|aiomysql|sqlite3|sqlalche|errno|sqlstate|exception|connect\(|\(|\n", re.IGNORECASE
)


def refusals(url: str) -> set[str]:
    """What upgrade, plan and check say."""
    said = set()
    for call in (upgrade_async, plan_async, check):
        with pytest.raises(StorageError) as caught:
            asyncio.run(call(url))  # type: ignore[arg-type]
        said.add(str(caught.value))
    for sentence in said:
        assert not DRIVER_WORDS.search(sentence)
        assert urlsplit(url).password is None or str(urlsplit(url).password) not in sentence
    return said


def changed(url: str, *, account: str | None = None, port: int | None = None, host: str | None = None) -> str:
    """The URL with another account, port or host."""
    parts = urlsplit(url)
    old_account, _, address = parts.netloc.rpartition("@")
    address = host or address
    if port is not None:
        address = f"127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=f"{account or old_account}@{address}"))


@contextmanager
def new_user(url: str, kind: str, *, may: str) -> Iterator[str]:
    """The URL of the database as a new user with an unusual password, who may do just this, or nothing."""
    name = f"user_{secrets.token_hex(4)}"
    password = PASSWORD.replace("'", "''")
    make, give_back = {
        "postgresql": (
            [
                f"CREATE ROLE {name} LOGIN PASSWORD '{password}'",
                *([f"GRANT {may} ON SCHEMA public TO {name}"] if may else []),
            ],
            [f"DROP OWNED BY {name}", f"DROP ROLE {name}"],
        ),
        "mysql": (
            [
                f"CREATE USER {name}@'127.0.0.1' IDENTIFIED BY '{password}'",
                *([f"GRANT {may} ON {urlsplit(url).path[1:]}.* TO {name}@'127.0.0.1'"] if may else []),
            ],
            [f"DROP USER {name}@'127.0.0.1'"],
        ),
    }[kind]
    for statement in make:
        execute(url, statement)
    try:
        yield changed(url, account=f"{name}:{quote(PASSWORD, safe='')}")
    finally:
        for statement in give_back:
            execute(url, statement)
