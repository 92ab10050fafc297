"""How an index is built and dropped while others read and write its table, on each database. The migrations use this."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from storage.record import record

LOCK_SECONDS = 4
"""How long a schema change waits for a lock of a table, in seconds: everybody who comes after it waits as long."""

TABLE_SECONDS = 1
"""How long a statement of a server waits on MySQL and MariaDB for a table that a schema change keeps, in seconds.

Less than LOCK_SECONDS: MariaDB changes a table only when it has locked those that refer to it. A writer that has locked one of
these and waits for the table would wait for the change and the change for it; no deadlock detector sees both kinds of locks.
"""

BUILD_SECONDS = 300
"""How long PostgreSQL waits for transactions that began before an index was built, in seconds; nobody waits for it meanwhile."""

_UNUSABLE = """
SELECT relation.relname FROM pg_index JOIN pg_class relation ON relation.oid = pg_index.indexrelid
WHERE pg_index.indrelid = CAST(:table AS regclass) AND NOT pg_index.indisvalid
"""


@record
class OnlineDdl:
    """The words of a database's statements, and what is executed before and after them."""

    create: str = "CREATE INDEX"
    drop: str = "DROP INDEX {name}"
    ending: str = ""
    has_partial_indexes: bool = True
    is_outside_transactions: bool = False
    """Whether indexes are built without a transaction; a build that failed leaves an index that is not used."""
    before: str = ""
    after: str = ""

    def create_index(self, name: str, table: str, columns: Sequence[str], where: str | None) -> str:
        """Return the statement that builds an index, partial if a condition is given and the database can."""
        condition = f" WHERE {where}" if where and self.has_partial_indexes else ""
        return f"{self.create} {name} ON {table} ({', '.join(columns)}){condition}{self.ending}"

    def drop_index(self, name: str, table: str) -> str:
        """Return the statement that drops an index."""
        return self.drop.format(name=name, table=table)

    def unusable_indexes(self, connection: Connection, table: str) -> list[str]:
        """Return the names of the table's indexes whose build has failed."""
        if not self.is_outside_transactions:
            return []
        return list(connection.execute(text(_UNUSABLE), {"table": table}).scalars())
