"""The differences between databases, one file per database; this module selects the dialect of a store URL.

Everything else in `storage/sql` and the migrations accesses a database through `Dialect`. The file of a database is imported when
it is selected: with its driver and SQLAlchemy's part for it, it takes a tenth of the time in which a server starts.
"""

from importlib import import_module
from typing import Any

from sqlalchemy import text

from storage.errors import Unavailable
from storage.record import record
from storage.sql.dialects.dialect import Dialect
from storage.sql.dialects.online_ddl import OnlineDdl


@record
class Database:
    """A database: SQLAlchemy's name of it, the schemes of its URLs, and where its dialect is."""

    name: str
    schemes: tuple[str, ...]
    module: str
    class_name: str

    def dialect(self) -> type[Dialect]:
        """Import and return its dialect."""
        found: type[Dialect] = getattr(import_module(f"{__name__}.{self.module}"), self.class_name)
        return found


DATABASES = (
    Database("sqlite", ("sqlite",), "sqlite", "SQLite"),
    Database("postgresql", ("postgresql", "postgres"), "postgresql", "PostgreSQL"),
    Database("mysql", ("mysql", "mariadb"), "mysql", "MySQL"),
)


def dialect_for(url: str) -> Dialect:
    """Return the dialect of a plain store URL (`sqlite:///file`, `postgresql://…`, `mysql://…`).

    Raises Unavailable when the URL is not one of a supported database.
    """
    scheme = url.partition("://")[0]
    for database in DATABASES:
        if scheme in database.schemes:
            return database.dialect()(url)
    prefixes = ", ".join(f"{name}://" for database in DATABASES for name in database.schemes)
    raise Unavailable(f"the store URL must start with one of {prefixes}")


def online_ddl(name: str) -> OnlineDdl:
    """Return how indexes are built on a database, by SQLAlchemy's name of it."""
    return next(database.dialect().online_ddl for database in DATABASES if database.name == name)


def partial_index(name: str, condition: str) -> dict[str, Any]:
    """Return the arguments of a partial Index on a database; one without partial indexes has an index of all rows."""
    return {f"{name}_where": text(condition)} if online_ddl(name).has_partial_indexes else {}
