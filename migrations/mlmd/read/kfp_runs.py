"""The interface through which the readers use KFP's own database or a file of runs; `migrations.mlmd.kfp` implements it."""

from collections.abc import Sequence
from typing import Protocol

from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun


class KfpRuns(Protocol):
    """The runs of KFP's own database."""

    async def runs_of(self, contexts: Sequence[ContextRow]) -> dict[int, KfpRun]:
        """Return the runs of contexts by context id, without the contexts whose runs it does not have."""
        ...

    async def names_with_runs(self, names: Sequence[str]) -> set[str]:
        """Return the names of contexts of KFP v2, among the given ones, for which it has runs."""
        ...
