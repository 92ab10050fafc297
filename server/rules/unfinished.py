"""What a transaction returns after which others follow that belong to the same effect. Rules that write in steps return it."""

from storage.pages import Cursor
from storage.record import record


@record
class Unfinished:
    """The effect is not complete; it goes on after a position."""

    position: Cursor
