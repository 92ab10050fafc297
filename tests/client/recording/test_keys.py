"""Keys from which both sides compute ids."""

import os
import threading
import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lineal._recording import keys

from storage.ids import id_of_key, makes_ids

pytestmark = pytest.mark.databases("sqlite")


def test_keys_are_uuids_of_version_7_that_make_ids() -> None:
    before = int(time.time() * 1000)
    key = keys.new_key()
    assert makes_ids(key)
    assert uuid.UUID(key).variant == uuid.RFC_4122
    assert before - 1 <= keys.seconds_of(key) * 1000


def test_keys_grow_and_are_different_in_all_threads() -> None:
    made: list[list[str]] = [[] for _ in range(4)]

    def make(mine: list[str]) -> None:
        mine.extend(keys.new_key() for _ in range(2000))

    threads = [threading.Thread(target=make, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(mine == sorted(mine) for mine in made)
    assert len({key for mine in made for key in mine}) == 8000


def test_keys_grow_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    first = keys.new_key()
    monkeypatch.setattr(time, "time", lambda: now - 3600.0)
    assert first < keys.new_key() < keys.new_key()


@given(st.uuids(version=4), st.integers(0, 10_000))
def test_client_and_server_compute_the_same_ids(random: uuid.UUID, n: int) -> None:
    number = random.int & ~(0xF << 76) | 0x7 << 76
    key = str(uuid.UUID(int=number))
    assert keys.id_of(key, n) == id_of_key(key, n)


def test_an_id_is_a_digest_of_key_and_position() -> None:
    key = "0199d3a0-0000-7000-8000-000000000000"
    assert keys.id_of(key) != keys.id_of(key, 1)
    assert keys.id_of(key).startswith("0199d3a0-0000-7")
    assert keys.id_of(key) == keys.id_of(key, 0) == id_of_key(key)


def test_the_parts_of_a_call_have_keys_that_are_always_the_same() -> None:
    key = keys.new_key()
    parts = {keys.part_key(key, first, count) for first in range(5) for count in range(1, 5)}
    assert len(parts) == 20
    assert keys.part_key(key, 2, 3) in parts
    assert all(makes_ids(part) for part in parts)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_of_a_fork_makes_other_keys_than_its_parent() -> None:
    keys.new_key()
    reading, writing = os.pipe()
    if not os.fork():
        os.write(writing, ",".join(keys.new_key() for _ in range(10)).encode())
        os._exit(0)
    mine = {keys.new_key() for _ in range(10)}
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert not mine & set(pipe.read().split(","))
    os.wait()
