"""What a source should have and cannot be read: tables and columns that are missing, or that its user may not read.

The readers find it; the preflight of each command refuses it.
"""

from collections.abc import Iterable, Sequence
from enum import Enum

from storage.record import record


class Cause(Enum):
    """Why a table or column cannot be read, as a part of a sentence; databases do not tell everybody whether it exists."""

    MISSING = "missing"
    FORBIDDEN = "not readable for this user"
    HIDDEN = "missing, or hidden from this user"


@record
class Lack:
    """A table that cannot be read, or one of its columns."""

    table: str
    cause: Cause
    column: str = ""

    @property
    def name(self) -> str:
        """The table or column, such as `table Artifact` or `column Artifact.uri`."""
        return f"column {self.table}.{self.column}" if self.column else f"table {self.table}"


def described(lacks: Iterable[Lack]) -> str:
    """Return a list for a sentence: every table and column, grouped by why it cannot be read."""
    by_cause: dict[Cause, list[str]] = {}
    for lack in lacks:
        by_cause.setdefault(lack.cause, []).append(lack.name)
    return "; ".join(f"{_listed(names)} ({cause.value})" for cause, names in by_cause.items())


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
