"""Ids say when they were made, if they are ours."""

import time

import pytest

from storage.ids import moment_of_id, new_id


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
