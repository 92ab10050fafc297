"""What is to become of a row, by three digests: as it was imported, as the source has it, as the store has it."""

import pytest

from migrations.mlmd.write.changes import Fate, fate_of

A, B, C = 1, 2, 3


@pytest.mark.parametrize(
    ("imported", "source", "present", "fate"),
    [
        (None, A, None, Fate.CREATE),
        (None, A, A, Fate.TAKEN),
        (None, A, B, Fate.TAKEN),
        (A, A, None, Fate.NOTHING),
        (A, A, A, Fate.NOTHING),
        (A, A, B, Fate.NOTHING),
        (A, B, None, Fate.DELETED_HERE),
        (A, B, A, Fate.UPDATE),
        (A, B, B, Fate.CHANGED_HERE),
        (A, B, C, Fate.CHANGED_HERE),
        (A, None, None, Fate.REMOVE),
        (A, None, A, Fate.REMOVE),
        (A, None, B, Fate.CHANGED_HERE),
    ],
)
def test_a_row_follows_the_source_while_it_is_as_it_was_imported(
    imported: int | None, source: int | None, present: int | None, fate: Fate
) -> None:
    assert fate_of(imported, source, present) is fate
