"""What is to become of a row, by three digests: as it was imported, as the source has it, as the store has it."""

import pytest

from migrations.mlmd.write.changes import Fate, changes_of, fate_of
from migrations.mlmd.write.row_kinds import Kind
from migrations.mlmd.write.tally import Outcome

pytestmark = pytest.mark.one_database

A, B, C = 1, 2, 3


@pytest.mark.parametrize(
    ("imported", "source", "present", "fate"),
    [
        (None, A, None, Fate.CREATE),
        (None, A, A, Fate.TAKEN),
        (None, A, B, Fate.TAKEN),
        (A, A, None, Fate.DELETED_HERE),
        (A, A, A, Fate.NOTHING),
        (A, A, B, Fate.CHANGED_HERE),
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


def test_each_row_of_the_source_and_of_the_import_has_one_outcome() -> None:
    source = {"new": A, "same": A, "other": B, "taken": A, "deleted": B, "changed": B}
    rows = {id: (id,) for id in source}
    imported = {"same": A, "other": A, "deleted": A, "changed": A, "removed": A}
    changes = changes_of(
        Kind.RUN, rows, source, imported, {"same": A, "other": A, "taken": 0, "changed": C, "removed": A}
    )
    assert (list(changes.new_rows), list(changes.updates), changes.removals) == (["new"], ["other"], ["removed"])
    assert changes.absent_ids == {"deleted"}
    assert {outcome: list(ids) for outcome, ids in changes.outcomes.items()} == {
        Outcome.CREATED: ["new"],
        Outcome.UPDATED: ["other"],
        Outcome.REMOVED: ["removed"],
        Outcome.TAKEN: ["taken"],
        Outcome.DELETED_HERE: ["deleted"],
        Outcome.CHANGED_HERE: ["changed"],
    }


def test_rows_that_nobody_can_have_written_are_all_new() -> None:
    changes = changes_of(Kind.RUN, {"a": ("a",), "b": ("b",)}, {"a": A, "b": B})
    assert list(changes.new_rows) == ["a", "b"]
    assert not changes.updates
    assert not changes.removals
