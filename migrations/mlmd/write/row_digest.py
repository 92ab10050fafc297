"""Digests of rows: they tell whether a row is as the import wrote it, and whether the source has it in another way.

Everything that compares imported rows calls this.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from migrations.mlmd.write.row_kinds import Kind, Row


def digests(kind: Kind, rows: Mapping[str, Row]) -> dict[str, int]:
    """Return the digests of rows by their ids."""
    return {row_id: digest(kind, row) for row_id, row in rows.items()}


def digest(kind: Kind, row: Sequence[Any]) -> int:
    """Return a signed number of 64 bits that differs when a row differs."""
    # Of a specification only the id counts: its time is that of whatever brought it along first.
    columns = row[:1] if kind is Kind.SPEC else row
    # A database may return 0.0 for -0.0.
    values = tuple(value + 0.0 if isinstance(value, float) else value for value in columns)
    raw = hashlib.blake2b(repr(values).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)
