"""The ids of rows that a call with an idempotency key creates, where the key makes them. `Call.new_id` and the dispatcher ask here."""

from server.errors import AlreadyExists
from storage.contract import Store
from storage.ids import id_of_key


class KeyIds:
    """The ids that one call makes of its key."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._ids: dict[int, str] = {}

    def make(self, position: int) -> str:
        """Return the id of the new row at a position; always the same."""
        id = self._ids.get(position)
        if id is None:
            id = self._ids[position] = id_of_key(self._key, position)
        return id

    async def check_free(self, store: Store) -> None:
        """Raise AlreadyExists if a row has one of the ids that were made, as when the key has been forgotten since."""
        ids = list(self._ids.values())
        taken_ids = await store.read(lambda tx: tx.row_ids.taken(ids)) if ids else set()
        if taken_ids:
            raise AlreadyExists(
                f"the idempotency key was used before: the id {min(taken_ids)!r}, which it makes, is taken",
                reason="ID_TAKEN",
            )
