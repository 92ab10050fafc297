"""Distinguishes MLMD stores, wherever their databases are, by the oldest rows, which do not change while a store grows.

Importing and undoing call this before they write. Different stores have the same row ids, so they must not share a store id.
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.schema import read_schema

_PARTS: Mapping[str, tuple[str, ...]] = {
    "context": ("id", "name", "create_time_since_epoch"),
    "execution": ("id", "name", "create_time_since_epoch"),
    "artifact": ("id", "uri", "create_time_since_epoch"),
}

Fingerprint = dict[str, str]
"""Digests of the oldest rows by table, without tables whose oldest row could be in any store."""


async def read_fingerprint(url: str) -> Fingerprint:
    """Return the fingerprint of a store. Raises SourceRefused when it cannot be read."""
    database = Database(url, what="the source")
    try:
        return await database.read(partial(_fingerprint, database))
    finally:
        await database.close()


async def _fingerprint(database: Database, connection: AsyncConnection) -> Fingerprint:
    schema = await connection.run_sync(lambda sync: read_schema(sync, database))
    digests = {}
    for name, columns in _PARTS.items():
        table = schema[name]
        row = (await connection.execute(_oldest(table, columns))).first() if table.has else None
        # A row without a name and a time looks like the first row of any other store.
        if row is not None and any(row[1:]):
            digests[name] = hashlib.sha256(repr(tuple(row)).encode(errors="surrogatepass")).hexdigest()
    return digests


def same_store(one: Fingerprint, other: Fingerprint) -> bool:
    """Return whether two fingerprints can be of one store, which may have grown in between."""
    shared = one.keys() & other.keys()
    return not shared or any(one[name] == other[name] for name in shared)


def is_evidently_same_store(one: Fingerprint, other: Fingerprint) -> bool:
    """Return whether two fingerprints are of one store: without any row, a store is not known to be the same."""
    return bool(one.keys() & other.keys()) and same_store(one, other)


def _oldest(table: ForeignTable, columns: tuple[str, ...]) -> Select[Any]:
    return select(*(table[name] for name in columns)).order_by(table.column("id")).limit(1)
