"""Which columns of a table fit a screen, and how wide they are. `formats` calls this.

Ids are never cut: they are copied into the next command. Instead, columns that can spare it are made narrower, and those that a
reader misses least are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

GAP = 2
"""How many spaces are between columns."""


@dataclass
class Width:
    """A column: how wide its widest cell is, how narrow it may become, and when it is left out.

    `least` is 0 for one that is never cut. Of columns with a `rank`, those of the highest one are left out first.
    """

    width: int
    least: int = 0
    rank: int = 0

    @property
    def narrowest(self) -> int:
        """How wide it is at least."""
        return min(self.width, self.least) if self.least else self.width


def fit(columns: Sequence[Width], room: int) -> dict[int, int]:
    """Return the columns that are shown, by their numbers, with their widths. What can be neither cut nor left out may not fit."""
    kept = list(range(len(columns)))
    while _sum([columns[number].narrowest for number in kept]) > room:
        ranked = [number for number in kept if columns[number].rank]
        if not ranked:
            break
        kept.remove(max(ranked, key=lambda number: (columns[number].rank, number)))
    widths = {number: columns[number].width for number in kept}
    excess = _sum(list(widths.values())) - room
    while excess > 0:
        spare = {number: widths[number] for number in kept if widths[number] > columns[number].narrowest}
        if not spare:
            break
        widest = max(spare, key=lambda number: spare[number])
        widths[widest] -= 1
        excess -= 1
    return widths


def _sum(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)
