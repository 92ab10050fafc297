"""Parts of answers that are kept: what is found, what is dropped, and how much memory they take."""

from typing import Any

from server.apis.kfp.codec import runs, tasks
from server.calls.fragments import ENTRIES_MIN, FRAGMENTS_BYTES, MADE_MAX, Fragments
from server.doors.rest import json_pieces

SMALL = 1024 * ENTRIES_MIN / FRAGMENTS_BYTES
"""A part of the room in which some dozen small fragments fit."""


def keep(fragments: Fragments[Any], key: bytes | str, fragment: bytes | str) -> None:
    """Keep a fragment that was made before."""
    fragments.keep(key, fragment)
    fragments.keep(key, fragment)


def kept_bytes(fragments: Fragments[bytes]) -> int:
    """How many bytes the keys and fragments have that are found."""
    return sum(len(key) + len(fragments.get(key) or b"") for key in (b"%d" % n for n in range(1000)))


def test_a_fragment_is_found_by_an_equal_key() -> None:
    fragments = Fragments[bytes](1)
    keep(fragments, b"a", b"1")
    assert (fragments.get(bytes([97])), fragments.get(b"b")) == (b"1", None)


def test_all_kinds_together_take_no_more_memory_than_is_documented() -> None:
    kinds = [tasks.WIRE.kept, tasks.JSON.kept, runs._specs, json_pieces._items_written]
    assert sum(kind.bytes_max for kind in kinds) == FRAGMENTS_BYTES


def test_however_many_are_kept_they_take_no_more_memory_than_they_may() -> None:
    fragments = Fragments[bytes](SMALL)
    for number in range(1000):
        keep(fragments, b"%d" % number, b"x" * 200)
        assert fragments.get(b"%d" % number) is not None
    assert 4 * 200 < kept_bytes(fragments) <= fragments.bytes_max


def test_a_fragment_in_use_stays_and_others_go() -> None:
    fragments = Fragments[bytes](SMALL)
    keep(fragments, b"used", b"1")
    keep(fragments, b"unused", b"2")
    for number in range(1000):
        keep(fragments, b"%d" % number, b"x" * 200)
        assert fragments.get(b"used") == b"1"
    assert fragments.get(b"unused") is None


def test_what_would_displace_too_many_others_is_not_kept() -> None:
    fragments = Fragments[bytes](SMALL)
    for key, size in ((b"large", 1024), (b"small", 512)):
        keep(fragments, key, b"x" * size)
    assert (fragments.get(b"large"), len(fragments.get(b"small") or b"")) == (None, 512)


def test_nothing_is_kept_without_room() -> None:
    fragments = Fragments[str](0)
    keep(fragments, "a", "1")
    assert fragments.get("a") is None


def test_a_fragment_is_kept_when_it_is_made_again() -> None:
    fragments = Fragments[str](1)
    found = []
    for _ in range(3):
        found.append(fragments.get("a"))
        if found[-1] is None:
            fragments.keep("a", "1")
    assert found == [None, None, "1"]


def test_no_more_is_known_of_what_was_made_once_than_is_documented() -> None:
    fragments = Fragments[str](1)
    for number in range(3 * MADE_MAX):
        fragments.keep(str(number), "1")
        assert len(fragments._made) <= MADE_MAX
    assert fragments.get("0") is None
