"""Telling one MLMD store from another, wherever it lies: by the oldest rows, which growth leaves as they are.

The importer calls this before it writes: two stores number their rows alike, so they must not share ids.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, select

from migrations.mlmd.read.foreign_tables import ForeignTable
from migrations.mlmd.read.guest import Database
from migrations.mlmd.read.schema import read_schema

_PARTS: Mapping[str, tuple[str, ...]] = {
    "context": ("id", "name", "create_time_since_epoch"),
    "execution": ("id", "name", "create_time_since_epoch"),
    "artifact": ("id", "uri", "create_time_since_epoch"),
}

Identity = dict[str, str]
"""A digest of the oldest row of each table that has one which tells something."""


async def read_identity(url: str) -> Identity:
    """Return the identity of a store. Raises SourceRefused when it cannot be read."""
    database = Database(url, what="the source")
    try:
        async with database.connect() as connection:
            schema = await connection.run_sync(lambda sync: read_schema(sync, database.label))
            found = {}
            for name, columns in _PARTS.items():
                table = schema[name]
                row = (await connection.execute(_oldest(table, columns))).first() if table.has else None
                # Without name and time a row is like the first of every other store.
                if row is not None and any(row[1:]):
                    found[name] = hashlib.sha256(repr(tuple(row)).encode(errors="surrogatepass")).hexdigest()
        return found
    finally:
        await database.close()


def same_store(one: Identity, other: Identity) -> bool:
    """Say whether two identities can be of one store, which may have grown between."""
    shared = one.keys() & other.keys()
    return not shared or any(one[name] == other[name] for name in shared)


def _oldest(table: ForeignTable, columns: tuple[str, ...]) -> Select[Any]:
    return select(*(table[name] for name in columns)).order_by(table.column("id")).limit(1)
