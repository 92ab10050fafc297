"""The run that each execution belongs to: sixteen bytes per execution, the only data of a store that is held in memory completely.

MLMD has no index for this, so it is read once, in order. The readers call this.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable


class RunIndex:
    """Executions (or artifacts) and the first run of each."""

    def __init__(self) -> None:
        self._ids = array("q")
        self._contexts = array("q")
        self.shared: dict[int, int] = {}
        """The first run of each execution (or artifact) that belongs to several runs."""

    def add(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Add pairs of id and context id, which must be sorted by both across all calls."""
        for id, context_id in pairs:
            if self._ids and self._ids[-1] == id:
                self.shared[id] = self._contexts[-1]
                continue
            self._ids.append(id)
            self._contexts.append(context_id)

    def of(self, id: int) -> int | None:
        """Return the context of the first run, None without a run."""
        place = bisect_left(self._ids, id)
        return self._contexts[place] if place < len(self._ids) and self._ids[place] == id else None

    def __len__(self) -> int:
        return len(self._ids)
