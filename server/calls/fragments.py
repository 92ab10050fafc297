"""Parts of answers that were made before, by all that they are made of. Codecs and the REST door keep them.

Nothing here can be out of date: a key holds the whole content that a fragment is a function of, so another content is another key.
"""

from sys import getsizeof
from typing import Generic, TypeVar

FRAGMENTS_BYTES = 8 * 1024 * 1024
"""How much memory the fragments of one kind take, with their keys: some five thousand tasks."""

PARAMETERS_BYTES = 2 * 1024 * 1024
"""The same, for the parameters of tasks alone."""

FRAGMENT_BYTES = 64 * 1024
"""A fragment that takes more, with its key, is not kept: it would displace many others."""

_ENTRY_BYTES = 100  # what a dictionary needs for an entry

Fragment = TypeVar("Fragment", bytes, str)


class Fragments(Generic[Fragment]):
    """Fragments by key; those that nobody asks for are dropped first. With `bytes_max` 0 none is kept.

    Two generations: what is found in the old one moves to the young one, which becomes the old one when it has half of the bytes.
    So a single look finds what is in use; an order of use would have to be written at each. Threads may use it at once: at worst a
    fragment is made twice, or counted twice until its generation ends.
    """

    def __init__(self, bytes_max: int = FRAGMENTS_BYTES) -> None:
        self._generation_bytes = bytes_max // 2
        self._young: dict[bytes | str, Fragment] = {}
        self._old: dict[bytes | str, Fragment] = {}
        self._young_bytes = 0

    def get(self, key: bytes | str) -> Fragment | None:
        """Return the fragment that was kept for a key, None if there is none."""
        fragment = self._young.get(key)
        if fragment is None and (fragment := self._old.get(key)) is not None:
            self.keep(key, fragment)
        return fragment

    def keep(self, key: bytes | str, fragment: Fragment) -> None:
        """Keep a fragment."""
        size = _ENTRY_BYTES + getsizeof(key) + getsizeof(fragment)
        if size > FRAGMENT_BYTES or size > self._generation_bytes:
            return
        if self._young_bytes + size > self._generation_bytes:
            self._old, self._young, self._young_bytes = self._young, {}, 0
        self._young[key] = fragment
        self._young_bytes += size
