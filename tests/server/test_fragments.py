"""Parts of answers that are kept: what is found, what is dropped, and how much memory they take."""

from server.apis.kfp.codec import runs, tasks
from server.calls.fragments import ENTRIES_MIN, FRAGMENTS_BYTES, Fragments
from server.doors.rest import json_pieces

SMALL = 1024 * ENTRIES_MIN / FRAGMENTS_BYTES
"""A part of the room in which some dozen small fragments fit."""


def kept_bytes(fragments: Fragments[bytes]) -> int:
    """How many bytes the keys and fragments have that are found."""
    return sum(len(key) + len(fragments.get(key) or b"") for key in (b"%d" % n for n in range(1000)))


def test_a_fragment_is_found_by_an_equal_key() -> None:
    fragments = Fragments[bytes](1)
    fragments.keep(b"a", b"1")
    assert (fragments.get(bytes([97])), fragments.get(b"b")) == (b"1", None)


def test_all_kinds_together_take_no_more_memory_than_is_documented() -> None:
    kinds = [tasks._tasks, tasks._parameters, runs._specs, json_pieces._items_written]
    assert sum(kind.bytes_max for kind in kinds) == FRAGMENTS_BYTES


def test_however_many_are_kept_they_take_no_more_memory_than_they_may() -> None:
    fragments = Fragments[bytes](SMALL)
    for number in range(1000):
        fragments.keep(b"%d" % number, b"x" * 200)
        assert fragments.get(b"%d" % number) is not None
    assert 4 * 200 < kept_bytes(fragments) <= fragments.bytes_max


def test_a_fragment_in_use_stays_and_others_go() -> None:
    fragments = Fragments[bytes](SMALL)
    fragments.keep(b"used", b"1")
    fragments.keep(b"unused", b"2")
    for number in range(1000):
        fragments.keep(b"%d" % number, b"x" * 200)
        assert fragments.get(b"used") == b"1"
    assert fragments.get(b"unused") is None


def test_what_would_displace_too_many_others_is_not_kept() -> None:
    fragments = Fragments[bytes](SMALL)
    for key, size in ((b"large", 1024), (b"small", 512)):
        fragments.keep(key, b"x" * size)
    assert (fragments.get(b"large"), len(fragments.get(b"small") or b"")) == (None, 512)


def test_nothing_is_kept_without_room() -> None:
    fragments = Fragments[str](0)
    fragments.keep("a", "1")
    assert fragments.get("a") is None
