"""The contract of ids, of whichever rows they are."""

from collections.abc import Sequence
from typing import Protocol


class RowIdReads(Protocol):
    """Looking for rows of any kind."""

    async def taken(self, ids: Sequence[str]) -> set[str]:
        """Ids are taken that a row of any kind but a link has. Texts that cannot be ids are not taken."""
