"""What is said of a store that cannot be used. Called by the tests of refusals."""

import asyncio
import re
from urllib.parse import urlsplit, urlunsplit

import pytest

from migrations.upgrade import check, plan_async, upgrade_async
from storage.errors import StorageError

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
