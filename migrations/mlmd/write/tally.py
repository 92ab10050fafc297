"""The outcomes of the rows of an import, counted by kind. The loaders count, the report prints."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from migrations.mlmd.write.row_kinds import LABELS, Kind

EXAMPLES = 10
"""Maximum number of rows of an outcome that are named."""


class Outcome(Enum):
    """The outcome of a row; the value is its wording in the report."""

    CREATED = "created"
    UPDATED = "updated, because the source has changed"
    REMOVED = "removed, because the source no longer has them"
    EMPTIED = "updated with values removed, because the source no longer has these"
    RENAMED = "renamed or moved, because they are in the source"
    DAMAGED = "removed, emptied or renamed"
    GONE = "gone in the source, kept"
    KEPT_VALUES = "kept with values or names that are gone in the source"
    CHANGED_HERE = "changed in Lineal after the import, and left unchanged"
    DELETED_HERE = "deleted from Lineal after the import, and not imported again"
    TAKEN = "already in Lineal under the same id or name, and left unchanged with everything that belongs to them"
    WITHOUT_PARENT = "left out, because what they belong to is missing"
    REFUSED = "written without a value, or not at all, because the store's database refuses it"


LEFT_ALONE = (
    Outcome.GONE,
    Outcome.KEPT_VALUES,
    Outcome.CHANGED_HERE,
    Outcome.DELETED_HERE,
    Outcome.TAKEN,
    Outcome.WITHOUT_PARENT,
)
"""What is named in reports, and counted anew by every pass over the source."""

NOT_UNCHANGED = (Outcome.UPDATED, Outcome.CHANGED_HERE, Outcome.DELETED_HERE, Outcome.GONE)
"""The outcomes of rows of an earlier import that are not as it wrote them and as the source has them; each row has one of them."""


@dataclass(slots=True)
class Cases:
    """How many rows, and the ids of some."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Counts rows, and names so many of each outcome; None stands for all, which is for the rows of one batch."""

    _cases: dict[tuple[Kind, Outcome], Cases] = field(default_factory=dict)
    named: int | None = EXAMPLES

    def add_all(self, kind: Kind, outcomes: Mapping[Outcome, Collection[str]]) -> None:
        """Count rows of several outcomes."""
        for outcome, ids in outcomes.items():
            self.add(kind, outcome, ids)

    def add(self, kind: Kind, outcome: Outcome, ids: Collection[str]) -> None:
        """Count rows."""
        self._merge(kind, outcome, len(ids), ids if outcome in LEFT_ALONE else ())

    def _merge(self, kind: Kind, outcome: Outcome, count: int, examples: Iterable[str]) -> None:
        if count:
            cases = self._cases.setdefault((kind, outcome), Cases())
            cases.count += count
            cases.examples.extend(list(examples)[: None if self.named is None else self.named - len(cases.examples)])

    def damage(self) -> int:
        """Return how many rows were removed, emptied or renamed."""
        return sum(cases.count for (_, outcome), cases in self._cases.items() if outcome is Outcome.DAMAGED)

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum."""
        total = Tally()
        for tally in (self, other):
            for (kind, outcome), cases in tally._cases.items():
                total._merge(kind, outcome, cases.count, cases.examples)
        return total

    def without_left_alone(self) -> "Tally":
        """Return the counts without rows that were left unchanged, which are counted again when they are read again."""
        return self._without(LEFT_ALONE)

    def for_next_pass(self) -> "Tally":
        """Return the counts that still hold when the source is read again from its beginning."""
        return self._without((*LEFT_ALONE, Outcome.REFUSED))

    def _without(self, outcomes: Collection[Outcome]) -> "Tally":
        rest = Tally()
        for (kind, outcome), cases in self._cases.items():
            if outcome not in outcomes:
                rest._merge(kind, outcome, cases.count, ())
        return rest

    def only_left_alone(self) -> "Tally":
        """Return the rows that were left unchanged or kept something, all of them named."""
        kept = {key: cases for key, cases in self._cases.items() if key[1] in LEFT_ALONE}
        return Tally(kept, named=self.named)

    def count(self, kind: Kind, outcome: Outcome) -> int:
        """Return how many rows of a kind had an outcome."""
        cases = self._cases.get((kind, outcome))
        return cases.count if cases else 0

    def has_only(self, kind: Kind, outcomes: Collection[Outcome]) -> bool:
        """Return whether all rows of a kind that were counted had one of these outcomes."""
        return all(
            outcome in outcomes for (other, outcome), cases in self._cases.items() if other is kind and cases.count
        )

    def only(self, kind: Kind, outcome: Outcome) -> "Tally":
        """Return the counts of one kind and outcome."""
        key = (kind, outcome)
        return Tally({key: self._cases[key]} if key in self._cases else {})

    def left_alone(self) -> list[tuple[Kind, Outcome, Cases]]:
        """Return the rows that were left unchanged or kept something, by kind and reason."""
        order = list(LABELS)
        items = [(kind, outcome, cases) for (kind, outcome), cases in self._cases.items() if outcome in LEFT_ALONE]
        return sorted(items, key=lambda item: (order.index(item[0]), LEFT_ALONE.index(item[1])))

    def plain(self) -> list[list[Any]]:
        """Return the counts as plain JSON."""
        return [[kind.name, outcome.name, c.count, c.examples] for (kind, outcome), c in self._cases.items()]

    @classmethod
    def from_plain(cls, plain: Iterable[Any]) -> "Tally":
        """Return the counts from the result of `plain`."""
        tally = cls()
        for kind, outcome, count, examples in plain:
            tally._merge(Kind[kind], Outcome[outcome], count, examples)
        return tally


def records_of(tally: Tally, totals: Mapping[Kind, int]) -> dict[Kind, dict[str, int]]:
    """Return the figures for each kind; `totals` has the numbers of rows that the import has written and not removed."""
    figures = {}
    for kind in LABELS:
        counts = {outcome.name.lower(): tally.count(kind, outcome) for outcome in Outcome}
        changes = sum(tally.count(kind, outcome) for outcome in (Outcome.CREATED, *NOT_UNCHANGED))
        total = totals.get(kind, 0)
        figures[kind] = {"imported": total, **counts, "unchanged": max(0, total - changes)}
    return figures
