"""The set of ids that true-ups, dry runs and verify keep in a file."""

import sqlite3
import tracemalloc

import pytest

from migrations.mlmd.write.id_set import IdSet
from migrations.mlmd.write.row_kinds import Kind
from storage.errors import Unavailable


def test_ids_are_told_apart_by_kind_and_stay_in_their_order() -> None:
    with IdSet() as ids:
        ids.add(Kind.TASK, ["a", "b"])
        ids.add(Kind.TASK, ["b", "c"])
        assert ids.absent(Kind.TASK, ["z", "c", "y", "a"]) == ["z", "y"]
        assert ids.absent(Kind.LINK, ["a"]) == ["a"]
        assert ids.absent(Kind.TASK, []) == []


def test_ids_take_no_memory() -> None:
    tracemalloc.start()
    try:
        with IdSet() as ids:
            for start in range(0, 100_000, 5000):
                ids.add(Kind.ARTIFACT, [str(number) for number in range(start, start + 5000)])
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
            assert ids.absent(Kind.ARTIFACT, ["5", "99999", "100000"]) == ["100000"]
    finally:
        tracemalloc.stop()


def test_a_full_disk_is_told() -> None:
    ids = IdSet()
    ids.close()
    with pytest.raises(Unavailable, match="temporary files"):
        ids.add(Kind.TASK, ["a"])
    with pytest.raises(sqlite3.ProgrammingError):
        ids._connection.execute("SELECT 1")
