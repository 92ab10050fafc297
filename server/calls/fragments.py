"""Parts of answers that were made before, by all that they are made of. Codecs and the REST door keep them.

Nothing here can be out of date: a key holds the whole content that a fragment is a function of, so another content is another key.
"""

from sys import getsizeof
from typing import ClassVar, Generic, TypeVar

FRAGMENTS_BYTES = 16 * 1024 * 1024
"""How much memory all fragments of a process take, with their keys: those of some three thousand tasks in each form."""

ENTRIES_MIN = 16
"""What takes more than this part of the room for its kind is not kept: it would displace too many others."""

MADE_MAX = 8_192
"""How many fragments of each kind are known to have been made once: a hash of each, some sixty bytes."""

_ENTRY_BYTES = 100  # what a dictionary needs for an entry

Fragment = TypeVar("Fragment", bytes, str)


class Fragments(Generic[Fragment]):
    """Fragments of one kind by key; those that nobody asks for are dropped first.

    `part` is their part of FRAGMENTS_BYTES; with 0 none is kept. A fragment is kept when it is made for the second time: most of
    what is read once is not read again. Two generations: what is found in the old one moves to the young
    one, which becomes the old one when it has half of the bytes. So a single look finds what is in use; an order of use would have
    to be written at each. Threads may use it at once: at worst a fragment is made twice, or counted twice until its generation ends.
    """

    are_used: ClassVar[bool] = True
    """Tests set this to False, for all kinds, to compare answers."""

    def __init__(self, part: float) -> None:
        self.bytes_max = int(FRAGMENTS_BYTES * part)
        """How much memory they may take."""
        self._young: dict[bytes | str, Fragment] = {}
        self._old: dict[bytes | str, Fragment] = {}
        self._young_bytes = 0
        self._made: set[int] = set()

    def get(self, key: bytes | str) -> Fragment | None:
        """Return the fragment that was kept for a key, None if there is none."""
        if not self.are_used:
            return None
        fragment = self._young.get(key)
        if fragment is None and (fragment := self._old.get(key)) is not None:
            self._add(key, fragment)
        return fragment

    def keep(self, key: bytes | str, fragment: Fragment) -> None:
        """Keep a fragment that was made, unless it was made for the first time, or is too large."""
        digest = hash(key)
        if digest in self._made:
            self._made.discard(digest)
            self._add(key, fragment)
            return
        if len(self._made) == MADE_MAX:
            self._made.clear()
        self._made.add(digest)

    def _add(self, key: bytes | str, fragment: Fragment) -> None:
        size = _ENTRY_BYTES + getsizeof(key) + getsizeof(fragment)
        if size * ENTRIES_MIN > self.bytes_max:
            return
        if self._young_bytes + size > self.bytes_max // 2:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[key] = fragment
        self._young_bytes += size
