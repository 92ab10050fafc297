"""Idempotency keys whose time is over. The sweep of each server process deletes them, a few at a time."""

from storage.contract import Store

KEYS_AT_ONCE = 500
"""How many keys one transaction deletes, with answers of a kilobyte or a megabyte: other writers may have to wait for it."""

BATCHES_PER_SWEEP = 20
"""After how many transactions a sweep goes on with other things; the next one deletes the rest."""


async def delete(store: Store, *, created_before: int) -> int:
    """Delete the oldest keys from before a time in microseconds; return how many. What remains is left to the next sweep."""
    total = 0
    for _ in range(BATCHES_PER_SWEEP):
        count = await _delete_batch(store, created_before)
        total += count
        if count < KEYS_AT_ONCE:
            break
    return total


async def _delete_batch(store: Store, created_before: int) -> int:
    # Read first: a sweep that finds nothing must not take the turn of a writer.
    key_ids = await store.read_one(
        lambda tx: tx.idempotency_keys.list_old(created_before=created_before, limit=KEYS_AT_ONCE)
    )
    if key_ids:
        await store.write(lambda tx: tx.idempotency_keys.delete(key_ids))
    return len(key_ids)
