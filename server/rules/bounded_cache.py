"""A cache that is limited by the size of what it holds, not by the number of its entries."""

from collections import OrderedDict
from typing import Generic, TypeVar

Value = TypeVar("Value")


class BoundedCache(Generic[Value]):
    """Values by their keys, at most `bytes_max` bytes of them; the least recently used one is removed first."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max, self._bytes = bytes_max, 0
        self._entries: OrderedDict[str, tuple[Value, int]] = OrderedDict()

    def find(self, key: str) -> Value | None:
        """Return the value of a key, None if there is none."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def keep(self, key: str, value: Value, *, size_bytes: int) -> None:
        """Keep a value of this size instead of an earlier one of the key."""
        _, old_bytes = self._entries.pop(key, (None, 0))
        self._entries[key] = (value, size_bytes)
        self._bytes += size_bytes - old_bytes
        while self._bytes > self._bytes_max:
            _, (_, oldest_bytes) = self._entries.popitem(last=False)
            self._bytes -= oldest_bytes
