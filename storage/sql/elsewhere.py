"""What another process opens a store with. The composition root hands it to helper processes."""

from storage.contract import Store
from storage.errors import Unusable
from storage.record import record
from storage.sql.dialects.sessions import SessionLimits
from storage.sql.store import SqlStore


@record
class StoreElsewhere:
    """A store that is open in this process, for another process to open; it can be pickled."""

    url: str
    place: tuple[object, ...]
    limits: SessionLimits

    def open(self) -> Store:
        """Open the store with one connection to read and one to write. Raises Unusable if it is another one by now."""
        store = SqlStore(self.url, pool_size=1, limits=self.limits)
        if store.dialect.place != self.place:
            raise Unusable("the database file has been replaced")
        return store
