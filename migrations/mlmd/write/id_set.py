"""A set of ids that takes no memory, however many there are: a temporary file of SQLite, which nobody else can open.

True-ups, dry runs and verify use it to tell rows that they have met from those that they have not.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from migrations.mlmd.write.row_kinds import Kind
from storage.errors import Unavailable


class IdSet:
    """Ids by kind. Eight bytes of a hash stand for an id: they distinguish ids, and are found faster."""

    def __init__(self) -> None:
        # Without a name: SQLite makes a file where temporary files are, and deletes it, however the process ends.
        # Threads of transactions ask it too, one after the other.
        self._connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        for kind in Kind:
            self._connection.execute(f"CREATE TABLE {_table(kind)} (id INTEGER PRIMARY KEY)")

    def add(self, kind: Kind, ids: Collection[str]) -> None:
        """Add ids. Raises Unavailable when the temporary folder is full."""
        if not ids:
            return
        with _refusals():
            self._connection.execute("BEGIN")
            # In order, so that as few pages as possible are touched.
            hashes = [(one,) for one in sorted(map(hash, ids))]
            self._connection.executemany(f"INSERT OR IGNORE INTO {_table(kind)} VALUES (?)", hashes)
            self._connection.execute("COMMIT")

    def absent(self, kind: Kind, ids: Collection[str]) -> list[str]:
        """Return the ids, among the given ones and in their order, that are not in the set."""
        if not ids:
            return []
        query = f"SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM {_table(kind)})"
        with _refusals():
            absent = {row[0] for row in self._connection.execute(query, [json.dumps([hash(id) for id in ids])])}
        return [id for id in ids if hash(id) in absent]

    def count(self, kind: Kind) -> int:
        """Return how many ids of a kind there are."""
        row = self._connection.execute(f"SELECT count(*) FROM {_table(kind)}").fetchone()
        return int(row[0])

    def close(self) -> None:
        """Delete the file."""
        self._connection.close()

    def __enter__(self) -> "IdSet":
        """Return the set, which is deleted at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Delete the file."""
        self.close()


def _table(kind: Kind) -> str:
    return f"ids_{int(kind)}"


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"the folder for temporary files (TMPDIR) cannot be used: {error}") from error
