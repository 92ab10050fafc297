"""Digests of rows, which show whether a row has been changed since the import wrote it, in the store or in the source.

Everything that compares imported rows calls this.
"""

from collections.abc import Mapping
from hashlib import blake2b

from sqlalchemy import Float

from migrations.mlmd.write.row_kinds import SHAPES, Kind, Row


def digests(kind: Kind, rows: Mapping[str, Row]) -> dict[str, int]:
    """Return the digests of rows by their ids."""
    return {row_id: digest(kind, row) for row_id, row in rows.items()}


def digests_like(
    kind: Kind, rows: Mapping[str, Row], others: Mapping[str, Row], known: Mapping[str, int]
) -> dict[str, int]:
    """Return the digests of rows, of which most are equal to others, whose digests are known."""
    # An equal row has an equal digest, and comparing takes a tenth of the time.
    return {id: known[id] if others.get(id) == row else digest(kind, row) for id, row in rows.items()}


def digest(kind: Kind, row: Row) -> int:
    """Return a signed 64-bit number that differs when a row differs."""
    # Only the id of a specification is compared: its time is that of the first run or version with it.
    values = row[:1] if kind is Kind.SPEC else row
    for place in _FLOATS[kind]:
        if isinstance(row[place], float):
            # A database may return 0.0 for -0.0.
            values = (*values[:place], row[place] + 0.0, *values[place + 1 :])
    raw = blake2b(repr(values).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)


_FLOATS = {
    kind: [place for place, column in enumerate(shape.columns) if isinstance(column.type, Float)]
    for kind, shape in SHAPES.items()
}
"""The places of numbers that may be fractions."""
