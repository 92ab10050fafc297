"""The differences between databases, one file per database; this module selects the dialect of a store URL.

Everything else in `storage/sql` and the migrations accesses a database through `Dialect`.
"""

from typing import Any

from sqlalchemy import text

from storage.errors import Unavailable
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.mysql import MySQL
from storage.sql.dialects.online_ddl import OnlineDdl
from storage.sql.dialects.postgresql import PostgreSQL
from storage.sql.dialects.sqlite import SQLite

DIALECTS: tuple[type[Dialect], ...] = (SQLite, PostgreSQL, MySQL)


def dialect_for(url: str) -> Dialect:
    """Return the dialect of a plain store URL (`sqlite:///file`, `postgresql://…`, `mysql://…`).

    Raises Unavailable when the URL is not one of a supported database.
    """
    scheme = url.partition("://")[0]
    for dialect in DIALECTS:
        if scheme in dialect.schemes:
            return dialect(url)
    prefixes = ", ".join(f"{name}://" for dialect in DIALECTS for name in dialect.schemes)
    raise Unavailable(f"the store URL must start with one of {prefixes}")


def online_ddl(name: str) -> OnlineDdl:
    """Return how indexes are built on a database, by SQLAlchemy's name of it."""
    return next(dialect.online_ddl for dialect in DIALECTS if dialect.name == name)


def partial_index(condition: str) -> dict[str, Any]:
    """Return the arguments of a partial Index; on databases without partial indexes it covers all rows."""
    return {f"{dialect.name}_where": text(condition) for dialect in DIALECTS if dialect.online_ddl.has_partial_indexes}
