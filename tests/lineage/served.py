"""A server whose store a test fills. Called by tests."""

from dataclasses import dataclass

from storage.sql.store import SqlStore
from tests.api.client import Api


@dataclass(frozen=True, slots=True)
class Served:
    """The store, and the server's doors: a client over gRPC, and the address of REST."""

    store: SqlStore
    api: Api
    rest: str
