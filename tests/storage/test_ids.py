"""Ids say when they were made, if they are ours; keys make ids that clients make too."""

import time

import pytest

from storage.ids import id_of_key, makes_ids, moment_of_id, new_id


def test_a_new_id_says_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000 * 1000
    moment = moment_of_id(new_id())
    assert moment is not None
    # Ids of one process increase, so that one may be a little ahead of the clock.
    assert before <= moment <= time.time_ns() // 1000 + 1_000_000
    assert moment_of_id("017f22e2-79b0-7cc3-98c4-dc0c0c07398f") == 1_645_557_742_000_000  # from RFC 9562, appendix A.6


@pytest.mark.parametrize("id", ["", "run 1", "6d0c2f0e-6a53-4c1b-9d5e-2f8b5f3a7c41", "017f22e2"])
def test_an_id_of_another_form_does_not_say_when_it_was_made(id: str) -> None:
    assert moment_of_id(id) is None


KEY = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@pytest.mark.parametrize("key", [KEY, "00000000-0000-7000-8000-000000000000", "ffffffff-ffff-7fff-bfff-ffffffffffff"])
@pytest.mark.parametrize("position", [0, 1, 9_999])
def test_the_id_of_a_key_is_a_uuid_of_version_7_of_the_same_moment(key: str, position: int) -> None:
    id = id_of_key(key, position)
    assert makes_ids(id)
    assert moment_of_id(id) == moment_of_id(key)
    assert id == id_of_key(key, position)


def test_every_position_has_another_id_than_the_key() -> None:
    ids = {id_of_key(KEY, position) for position in range(10_000)}
    assert len(ids | {KEY}) == 10_001


def test_ids_of_keys_never_change_as_clients_make_the_same() -> None:
    # Made by another program, of the bits of sha256(b"lineal id\0" + key + b"\0" + position): 12, and 62 after the variant's two.
    assert [id_of_key(KEY, position) for position in (0, 1, 12)] == [
        "017f22e2-79b0-7bf6-90a8-79826b4ea88d",
        "017f22e2-79b0-7908-b286-6720ff85efe1",
        "017f22e2-79b0-71b7-a5f8-be1f9d8855c0",
    ]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "key",
        KEY.upper(),
        KEY.replace("-", ""),
        f"{{{KEY}}}",
        f"urn:uuid:{KEY}",
        "6d0c2f0e-6a53-4c1b-9d5e-2f8b5f3a7c41",
        KEY[:19] + "0" + KEY[20:],
    ],
)
def test_other_keys_than_uuids_of_version_7_in_their_usual_form_make_no_ids(key: str) -> None:
    assert not makes_ids(key)
    assert makes_ids(KEY)
