"""What became of the records of an import, counted by kind and outcome. The loader counts, the report prints."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from migrations.mlmd.write.row_kinds import LABELS, Kind

EXAMPLES = 10
"""So many rows of an outcome are named."""


class Outcome(Enum):
    """What became of a record; the value is the sentence of the report."""

    CREATED = "created"
    UPDATED = "updated, because the source has changed since"
    REMOVED = "removed, because the source no longer gives them"
    EMPTIED = "updated so that they lack what they had, because the source no longer gives it"
    RENAMED = "updated so that they have another name or place, because they have it in the source"
    CHANGED_HERE = "changed in Lineal since they were imported, and left alone"
    DELETED_HERE = "deleted in Lineal since they were imported, and not made again"
    TAKEN = "there before under the same id or name, and left alone with all that belongs to them"
    WITHOUT_PARENT = "without a place, because what they belong to is missing"


LEFT_ALONE = (Outcome.CHANGED_HERE, Outcome.DELETED_HERE, Outcome.TAKEN, Outcome.WITHOUT_PARENT)


@dataclass(slots=True)
class Cases:
    """How many, and some of them by id."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Tally:
    """Counts; memory does not grow with their number."""

    def __init__(self) -> None:
        self._cases: dict[tuple[Kind, Outcome], Cases] = {}

    def add(self, kind: Kind, outcome: Outcome, ids: Iterable[str]) -> None:
        """Count rows."""
        found = list(ids)
        self._merge(kind, outcome, len(found), found if outcome in LEFT_ALONE else ())

    def _merge(self, kind: Kind, outcome: Outcome, count: int, examples: Iterable[str]) -> None:
        if count:
            cases = self._cases.setdefault((kind, outcome), Cases())
            cases.count += count
            cases.examples.extend(list(examples)[: EXAMPLES - len(cases.examples)])

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum."""
        added = Tally()
        for tally in (self, other):
            for (kind, outcome), cases in tally._cases.items():
                added._merge(kind, outcome, cases.count, cases.examples)
        return added

    def done(self) -> "Tally":
        """Return it without what was left alone, which is found and counted again."""
        kept = Tally()
        for (kind, outcome), cases in self._cases.items():
            if outcome not in LEFT_ALONE:
                kept._merge(kind, outcome, cases.count, ())
        return kept

    def count(self, kind: Kind, outcome: Outcome) -> int:
        """Return how many there are."""
        cases = self._cases.get((kind, outcome))
        return cases.count if cases else 0

    def left_alone(self) -> list[tuple[Kind, Outcome, Cases]]:
        """Return what was not done, by kind."""
        order = list(LABELS)
        found = [(kind, outcome, cases) for (kind, outcome), cases in self._cases.items() if outcome in LEFT_ALONE]
        return sorted(found, key=lambda item: (order.index(item[0]), LEFT_ALONE.index(item[1])))

    def plain(self) -> list[list[Any]]:
        """Return it fit for JSON."""
        return [[kind.name, outcome.name, c.count, c.examples] for (kind, outcome), c in self._cases.items()]

    @classmethod
    def from_plain(cls, plain: Iterable[Any]) -> "Tally":
        """Return what `plain` was made of."""
        tally = cls()
        for kind, outcome, count, examples in plain:
            tally._merge(Kind[kind], Outcome[outcome], count, examples)
        return tally


def records_of(tally: Tally, kept: Mapping[Kind, int]) -> dict[Kind, dict[str, int]]:
    """Return the figures of each kind; `kept` says how many rows the import has in all."""
    figures = {}
    for kind in LABELS:
        done = {outcome.name.lower(): tally.count(kind, outcome) for outcome in Outcome}
        touched = sum(tally.count(kind, one) for one in (Outcome.CREATED, Outcome.UPDATED, Outcome.CHANGED_HERE))
        touched += tally.count(kind, Outcome.DELETED_HERE)
        figures[kind] = {"imported": kept.get(kind, 0), **done, "unchanged": max(0, kept.get(kind, 0) - touched)}
    return figures
