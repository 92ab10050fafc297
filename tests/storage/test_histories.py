"""Histories of states: entries are in order, and the same state is not entered twice."""

import json

import pytest

from storage.documents import histories
from storage.documents.enums import TASK_STATES
from storage.documents.histories import HistoryEntry
from storage.documents.times import time_text

NOW = 1_750_000_000_123_456
RUNNING, FAILED = 1, 4


def a_history(*entries: tuple[int, int | None]) -> str:
    return histories.to_text([HistoryEntry(state, moment) for state, moment in entries], TASK_STATES)


@pytest.mark.parametrize("text", [None, "[]", a_history((RUNNING, None))])
def test_an_entry_after_none_with_a_time_has_its_own(text: str | None) -> None:
    longer = histories.append(text, HistoryEntry(FAILED, NOW), states=TASK_STATES)
    assert json.loads(longer or "")[-1] == {"updateTime": time_text(NOW), "state": "FAILED"}
    assert (histories.last_moment(text), histories.not_before(text, NOW)) == (None, NOW)


@pytest.mark.parametrize("later", [-1, 0, 1, 3_600_000_000])
def test_an_entry_is_made_no_earlier_than_the_one_before_it(later: int) -> None:
    text = a_history((FAILED, 1), (RUNNING, NOW + later))
    expected = max(NOW, NOW + later)
    longer = histories.append(text, HistoryEntry(FAILED, NOW), states=TASK_STATES)
    assert longer == a_history((FAILED, 1), (RUNNING, NOW + later), (FAILED, expected))
    assert histories.not_before(text, NOW) == expected


@pytest.mark.parametrize("state", [0, RUNNING])
def test_the_state_that_is_there_already_and_none_are_not_entered(state: int) -> None:
    text = a_history((RUNNING, NOW))
    assert histories.append(text, HistoryEntry(state, NOW + 1), states=TASK_STATES) is text


def test_an_entry_alone_is_what_stands_in_a_column() -> None:
    entry = HistoryEntry(FAILED, NOW)
    assert f"[{histories.entry_text(entry, TASK_STATES)}]" == histories.to_text([entry], TASK_STATES)
