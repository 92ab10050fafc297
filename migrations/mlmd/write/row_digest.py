"""Digests of rows, which show whether a row has been changed since the import wrote it, in the store or in the source.

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
    """Return a signed 64-bit number that differs when a row differs."""
    # Only the id of a specification is compared: its time is that of the first run or version with it.
    columns = row[:1] if kind is Kind.SPEC else row
    # A database may return 0.0 for -0.0.
    values = tuple(value + 0.0 if isinstance(value, float) else value for value in columns)
    raw = hashlib.blake2b(repr(values).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)
