"""Every way a store can fail. The server maps these to codes in one place; driver errors never leave `storage/sql`.

StorageError
├── RowNotFound            the named row does not exist
├── AlreadyExists       a row with that id or unique name exists
├── InUse               other rows depend on the row to delete
├── InvalidQuery        a list request is not valid
│   ├── InvalidFilter
│   ├── InvalidOrder
│   └── InvalidPage     a page token that was not issued here, or for another query
├── ValueRefused        the database cannot hold the value (too large, too long)
├── Conflict            concurrent writers kept colliding until the time for retries was over
├── Unavailable         no connection, no free connection, database down, disk full
│   ├── PoolExhausted   no connection became free before the caller's deadline
│   ├── ReadOnly        the database does not take writes
│   ├── Unusable        the database is there, but must not be used: damaged, deleted or replaced
│   └── OutcomeUnknown  COMMIT was not answered: the write may or may not have happened
└── SchemaMismatch      the database holds a schema that this program cannot use
"""


class StorageError(Exception):
    """Root of the tree; its text may be sent to clients (no SQL, no driver text)."""


class TooManyRows(Exception):
    """There are more rows than the caller wants to read here. Not for clients: the call is answered elsewhere."""


class RowNotFound(StorageError):
    """The named row does not exist."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"{kind} {id!r} not found")
        self.kind, self.id = kind, id


class AlreadyExists(StorageError):
    """A row with that id or unique name already exists."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"{kind} {id!r} already exists")
        self.kind, self.id = kind, id


class InUse(StorageError):
    """Other rows depend on the row to delete."""

    def __init__(self, kind: str, id: str) -> None:
        super().__init__(f"{kind} {id!r} is in use")
        self.kind, self.id = kind, id


class InvalidQuery(StorageError):
    """A list request is not valid."""


class InvalidFilter(InvalidQuery):
    """The filter is not a Filter message, or does not match the columns."""


class InvalidOrder(InvalidQuery):
    """The sort text does not name a sortable field, or its direction is neither asc nor desc."""


class InvalidPage(InvalidQuery):
    """The page token was not issued here, was altered, or belongs to another query."""


class ValueRefused(StorageError):
    """A value is larger than its column or a packet allows, or a statement has more values than the database accepts."""


class Conflict(StorageError):
    """Concurrent writers kept colliding until the time for retries was over; a later call may succeed."""


class Unavailable(StorageError):
    """The database did not answer: no connection, none free in time, disk full, or read-only."""


class PoolExhausted(Unavailable):
    """No database connection became free before the call's deadline; see `pool_size`."""

    def __init__(self) -> None:
        super().__init__("no database connection became free before the call's deadline")


class ReadOnly(Unavailable):
    """The database does not take writes: a replica, or one that was made read-only."""

    def __init__(self) -> None:
        super().__init__("the database is read-only")


class OutcomeUnknown(Unavailable):
    """The connection broke, the disk failed or the deadline passed during COMMIT: the write may or may not have happened."""


class Unusable(Unavailable):
    """The database must not be used: its file is damaged, or was deleted or replaced. Waiting does not help."""


class SchemaMismatch(StorageError):
    """The database holds a schema that this program cannot use: older, newer or foreign; the text says what to do."""
