"""The contract of idempotency keys and the answers that are kept under them."""

from collections.abc import Sequence
from typing import Protocol

from storage.model import KeptAnswer


class IdempotencyKeyReads(Protocol):
    """Reading what is kept under idempotency keys."""

    async def find(self, key_id: str) -> KeptAnswer | None:
        """A key under which nothing is kept finds no answer. An answer is found as it was kept, whatever bytes it has."""

    async def list_old(self, *, created_before: int, limit: int) -> Sequence[str]:
        """Keys from before a given time are listed oldest first, and at most as many as asked for."""


class IdempotencyKeyWrites(IdempotencyKeyReads, Protocol):
    """Writing what is kept under idempotency keys."""

    async def keep(self, answer: KeptAnswer) -> KeptAnswer:
        """The first answer kept under a key stays, and is returned instead of a second one.

        An answer waits for another that is being kept under its key. A key whose first answer was undone takes the second.
        """

    async def delete(self, key_ids: Sequence[str]) -> None:
        """Keys that are deleted find nothing, others stay."""
