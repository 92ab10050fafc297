"""What a transaction returns after which others follow that belong to the same effect. Rules that write in steps return it."""

from dataclasses import dataclass

from storage.pages import Cursor


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The effect is not complete; it goes on after a position."""

    position: Cursor
