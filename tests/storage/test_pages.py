"""Page tokens: complete, bound to their query, and impossible to forge."""

import base64
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidFilter, InvalidOrder, InvalidPage
from storage.fields import ARTIFACT_LIST, ARTIFACTS, RUN_LIST, TASK_LIST, TASKS, Listable
from storage.filters import Order, Predicate, parse_filter
from storage.pages import Cursor, PageTokens

TOKENS = PageTokens(b"k" * 32)
SCOPE = ("run-1", None)
LAST = Cursor("train", "task-9")
BY_NAME = Order(TASKS["name"], descending=True)
FAILED = '{"predicates":[{"operation":"EQUALS","key":"status","int_value":4}]}'
LONG = json.dumps({"predicates": [{"operation": 1, "key": "name", "string_value": "n" * 1100}]})

TEXT = st.text(st.characters(codec="utf-8"), max_size=255)
CURSORS = st.builds(
    Cursor, st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT, st.text(max_size=47)
)


def issue(order: Order = BY_NAME, text: str = FAILED, cursor: Cursor = LAST, tokens: PageTokens = TOKENS) -> str:
    return tokens.issue("tasks", SCOPE, order=order, predicates=parse_filter(text, TASKS), cursor=cursor)


def read(
    token: str,
    order_text: str = "",
    filter_text: str = "",
    *,
    list_name: str = "tasks",
    scope: tuple[object, ...] = SCOPE,
    tokens: PageTokens = TOKENS,
    listable: Listable = TASK_LIST,
) -> tuple[Order, tuple[Predicate, ...], Cursor | None]:
    return tokens.resolve(
        token, listable, list_name=list_name, scope=scope, order_text=order_text, filter_text=filter_text
    )


def test_a_first_page_is_what_is_asked_for():
    assert read("", "name desc", FAILED) == (BY_NAME, parse_filter(FAILED, TASKS), None)
    assert read("") == (TASK_LIST.default_order, (), None)


def test_a_token_alone_brings_back_sort_filter_and_cursor():
    assert read(issue()) == (BY_NAME, parse_filter(FAILED, TASKS), LAST)
    assert read(issue(), "  ") == (BY_NAME, parse_filter(FAILED, TASKS), LAST)


@pytest.mark.parametrize(
    "filter_text",
    [
        FAILED,
        '{"predicates": [{"operation": 1, "key": "state", "longValue": "4"}]}',
        '{"predicates": [{"operation": 1, "key": "status", "stringValue": "FAILED"}]}',
        "%7B%22predicates%22:[%7B%22operation%22:1,%22key%22:%22status%22,%22intValue%22:4.0%7D]%7D",
    ],
)
def test_sort_and_filter_may_be_sent_again_in_other_words(filter_text):
    assert read(issue(), " NAME  Desc", filter_text) == (BY_NAME, parse_filter(FAILED, TASKS), LAST)


@pytest.mark.parametrize(
    ("order_text", "filter_text"),
    [
        ("name", FAILED),
        ("display_name desc", FAILED),
        ("name desc", ""),
        ("", FAILED),
        ("name desc", "{}"),
        ("name desc", FAILED.replace("4", "3")),
        ("name desc", FAILED.replace("EQUALS", "NOT_EQUALS")),
        ("name desc", FAILED.replace("status", "type")),
        ("name desc", LONG),
    ],
)
def test_another_sort_or_filter_is_refused(order_text, filter_text):
    with pytest.raises(InvalidPage):
        read(issue(), order_text, filter_text)


def test_a_missing_sort_or_filter_means_the_default_when_the_other_is_sent():
    by_default = issue(order=TASK_LIST.default_order)
    assert read(by_default, "", FAILED)[2] == LAST
    assert read(by_default, "create_time asc", FAILED)[2] == LAST
    assert read(issue(text=""), "name desc")[2] == LAST


def test_what_is_sent_with_a_token_must_make_sense():
    with pytest.raises(InvalidFilter):
        read(issue(), "name desc", "nonsense")
    with pytest.raises(InvalidOrder):
        read(issue(), "nope", FAILED)


def test_a_filter_of_more_than_a_kibibyte_must_be_sent_again():
    token = issue(text=LONG)
    assert len(token) < 400
    assert read(token, "name desc", LONG) == (BY_NAME, parse_filter(LONG, TASKS), LAST)
    for other in ("", LONG.replace("nn", "nm", 1)):
        with pytest.raises(InvalidPage):
            read(token, "name desc", other)
    with pytest.raises(InvalidPage, match="sent again"):
        read(token)


def test_a_filter_of_a_kibibyte_is_carried():
    overhead = len('[["name",1,[""]]]')
    for length, carried in ((1024 - overhead, True), (1025 - overhead, False)):
        text = json.dumps({"predicates": [{"operation": 1, "key": "name", "string_value": "n" * length}]})
        token = issue(text=text)
        if carried:
            assert read(token)[1] == parse_filter(text, TASKS)
        else:
            with pytest.raises(InvalidPage):
                read(token)


def test_a_token_counts_for_one_list_scope_and_key():
    token = issue()
    messages = set()
    for changes in (
        {"list_name": "task"},
        {"list_name": "tasks\0"},
        {"scope": ("run-2", None)},
        {"scope": ("run-1",)},
        {"scope": ("run-1", "")},
        {"scope": ()},
        {"tokens": PageTokens(b"j" * 32)},
        {"list_name": "runs", "listable": RUN_LIST},
    ):
        with pytest.raises(InvalidPage) as raised:
            read(token, **changes)
        messages.add(str(raised.value))
    with pytest.raises(InvalidPage) as raised:
        read("bogus")
    assert messages == {str(raised.value)}


def test_servers_with_one_key_read_each_others_tokens():
    assert read(issue(tokens=PageTokens(b"k" * 32)))[2] == LAST


def test_tokens_need_a_key():
    with pytest.raises(ValueError, match="key"):
        PageTokens(b"")


def test_a_column_that_the_list_has_lost_is_refused():
    token = TOKENS.issue("l", (), order=Order(ARTIFACTS["uri"], descending=False), predicates=(), cursor=LAST)
    uri = parse_filter('{"predicates":[{"operation":1,"key":"uri","string_value":"x"}]}', ARTIFACTS)
    filtered = TOKENS.issue("l", (), order=BY_NAME, predicates=uri, cursor=LAST)
    for each in (token, filtered):
        assert read(each, list_name="l", scope=(), listable=ARTIFACT_LIST)[2] == LAST
        with pytest.raises(InvalidPage):
            read(each, list_name="l", scope=())


def test_the_scope_may_hold_whatever_json_holds():
    scope = (["a", "b"], None, 3, True, "ü\ud800")
    token = TOKENS.issue("links", scope, order=BY_NAME, predicates=(), cursor=LAST)
    assert read(token, list_name="links", scope=scope)[2] == LAST
    with pytest.raises(InvalidPage):
        read(token, list_name="links", scope=(["a"], "b", None, 3, True, "ü\ud800"))


@pytest.mark.parametrize(
    "value", [None, "", 0, -1, 2**63 - 1, 0.0, 0.1, 1.0, math.inf, -math.inf, "1", "null", "\x01é😀"]
)
def test_a_sort_value_comes_back_as_it_was(value):
    cursor = read(issue(cursor=Cursor(value, "id")))[2]
    assert cursor == Cursor(value, "id")
    assert type(cursor.value) is type(value)


def test_the_sign_of_zero_survives():
    cursor = read(issue(cursor=Cursor(-0.0, "id")))[2]
    assert math.copysign(1, cursor.value) == -1


@given(cursor=CURSORS, descending=st.booleans(), field=st.sampled_from(list(TASKS.values())))
def test_any_cursor_and_order_come_back_as_they_were(cursor, descending, field):
    token = issue(order=Order(TASKS[field.key], descending), cursor=cursor)
    order, _, read_cursor = read(token)
    assert (order.field.column, order.descending, read_cursor) == (field.column, descending, cursor)
    assert len(token) < 4096


@pytest.mark.parametrize("character", ["a", '"', "\\", "\x01", "ü", "\uffff", "\U0010ffff"])
def test_the_largest_token_stays_under_4_kib_and_fits_an_address(character):
    id = (character * 191).encode()[:191].decode(errors="ignore")
    text = json.dumps({"predicates": [{"operation": 1, "key": "name", "string_value": "n" * 1000}]})
    token = issue(text=text, cursor=Cursor(character * 255, id))
    assert len(token) < 4096
    assert token.isascii()
    assert token.replace("-", "").replace("_", "").isalnum()
    assert read(token)[2] == Cursor(character * 255, id)


def test_a_token_hides_no_other_spelling():
    token = issue()
    for spelling in (token + "=", token + "==", token + "\n", " " + token, token[:1] + "\n" + token[1:], token + "A"):
        with pytest.raises(InvalidPage):
            read(spelling)


def test_every_changed_character_is_noticed():
    token = issue()
    for position, character in enumerate(token):
        for other in "AQgw_-9=+/":
            if other != character:
                with pytest.raises(InvalidPage):
                    read(token[:position] + other + token[position + 1 :])


def test_every_truncated_token_is_refused():
    token = issue()
    for length in range(1, len(token)):
        for part in (token[:length], token[-length:]):
            with pytest.raises(InvalidPage):
                read(part)


@given(position=st.integers(0), bit=st.integers(0, 7), cursor=CURSORS)
def test_no_flipped_bit_is_accepted(position, bit, cursor):
    token = issue(cursor=cursor)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[position % len(raw)] ^= 1 << bit
    with pytest.raises(InvalidPage):
        read(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@given(text=st.text(st.characters(codec=None, exclude_categories=()), min_size=1))
def test_no_text_is_a_token(text):
    with pytest.raises(InvalidPage):
        read(text)


@given(raw=st.binary(min_size=1, max_size=300))
def test_no_bytes_are_a_token(raw):
    with pytest.raises(InvalidPage):
        read(base64.urlsafe_b64encode(raw).rstrip(b"=").decode())


@pytest.mark.parametrize("token", ["%%%", "aGVsbG8=", "e30=", "zzz", "ä", "٣٣٣٣", "a" * 100_000, "\ud800", "\0"])
def test_foreign_tokens_are_refused(token):
    with pytest.raises(InvalidPage):
        read(token)


def test_a_token_that_another_version_wrote_is_refused(monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as later:
        later.setattr("storage.pages._VERSION", b"\x02")
        token = issue()
    with pytest.raises(InvalidPage):
        read(token)
