"""The message in the beginning of a task's status metadata."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.documents.tasks import StatusMetadata, message_of_status

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    ['"', "\\", "\\\\u00e9", 'a\nb\t"c"\\', "🚀🚀", "\x01\x1f"]
)


@given(message=TEXT, property=TEXT)
def test_the_message_of_a_whole_text_is_that_of_its_metadata(message: str, property: str) -> None:
    text = StatusMetadata(message, {"property": property}).to_text()
    assert message_of_status(text) == message


@given(message=TEXT, property=TEXT)
def test_a_text_without_its_end_has_the_beginning_of_the_message(message: str, property: str) -> None:
    text = StatusMetadata(message, {"property": property}).to_text()
    found = [message_of_status(text[:cut]) for cut in range(len(text) + 1)]
    assert all(message.startswith(each) for each in found)
    # Of a character that is written as an escape, the whole escape is lost, and nothing before it.
    assert [len(each) for each in found] == sorted(len(each) for each in found)
    assert found[-1] == message


@pytest.mark.parametrize(
    "text", [None, "", "{}", "null", '{"customProperties":{"message":"no"}}', '{"message":7}', "["]
)
def test_a_text_without_a_message_has_none(text: str | None) -> None:
    assert message_of_status(text) == ""
