"""What the readers ask of KFP's own database, which `migrations.mlmd.kfp` answers from a database or from a file of runs."""

from collections.abc import Sequence
from typing import Protocol

from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun


class KfpRuns(Protocol):
    """KFP's own database, as far as it concerns runs."""

    async def runs_of(self, contexts: Sequence[ContextRow]) -> dict[int, KfpRun]:
        """Return the runs of contexts by context id, without the contexts whose runs it does not have."""
        ...

    async def names_with_runs(self, names: Sequence[str]) -> set[str]:
        """Return the names of contexts of KFP v2, among the given ones, that it has runs of."""
        ...
