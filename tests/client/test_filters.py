"""Filters as Python expressions: what the server makes of them, and what they refuse."""

import contextlib
import json
from datetime import UTC, date, datetime, timedelta, timezone
from enum import Enum

import numpy
import pandas
import pytest
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from lineal._filter_values import NUMBER_KEYS, TIME_KEYS
from lineal._requests import filter_text
from lineal.filters import Expression, F, FilterError, parse
from lineal.v2beta1 import filter_pb2, run_pb2

from storage import fields
from storage.fields import FieldKind, FieldSet
from storage.filters import Operation, parse_filter

MOMENT = datetime(2026, 1, 31, 12, tzinfo=UTC)
MICROSECONDS = 1_769_860_800_000_000
LISTS = (fields.RUNS, fields.TASKS, fields.ARTIFACTS, fields.EXPERIMENTS, fields.PIPELINES, fields.PIPELINE_VERSIONS)
OPERATORS = {
    Operation.EQUALS: lambda key, value: key == value,
    Operation.NOT_EQUALS: lambda key, value: key != value,
    Operation.LESS_THAN: lambda key, value: key < value,
    Operation.LESS_THAN_EQUALS: lambda key, value: key <= value,
    Operation.GREATER_THAN: lambda key, value: key > value,
    Operation.GREATER_THAN_EQUALS: lambda key, value: key >= value,
    Operation.IS_SUBSTRING: lambda key, value: key.contains(value),
}
TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)
TIMES = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC))
WHOLE = st.integers(-(2**53), 2**53)
TEXT_OPERATIONS = st.sampled_from(list(OPERATORS))
NUMBER_OPERATIONS = st.sampled_from([each for each in OPERATORS if each is not Operation.IS_SUBSTRING])
COMPARISONS = st.one_of(
    st.tuples(st.sampled_from(["display_name", "pipeline_id"]), TEXT_OPERATIONS, TEXTS),
    st.tuples(st.just("created_at"), NUMBER_OPERATIONS, TIMES),
    st.tuples(st.just("name"), st.just(Operation.IN), st.lists(TEXTS, max_size=4)),
)
NUMBERS = st.tuples(st.just("number_value"), NUMBER_OPERATIONS | st.just(Operation.IN), WHOLE)


def as_server(expression: Expression, of: FieldSet = fields.RUNS) -> list[tuple]:
    return [(each.field.column, each.operation, each.values) for each in parse_filter(expression.to_json(), of)]


def built(comparisons: list[tuple]) -> Expression:
    expression = Expression()
    for key, operation, value in comparisons:
        if operation is Operation.IN:
            expression &= F[key].in_(value if isinstance(value, list) else [value])
        else:
            expression &= OPERATORS[operation](F[key], value)
    return expression


@given(st.lists(COMPARISONS, max_size=4))
def test_an_expression_is_what_its_text_says(comparisons):
    expression = built(comparisons)
    assert parse(str(expression)) == expression


@given(st.lists(NUMBERS, max_size=4))
def test_an_expression_of_numbers_is_what_its_text_says(comparisons):
    expression = built(comparisons)
    assert parse(str(expression)) == expression


@given(COMPARISONS)
def test_the_server_reads_what_was_compared(comparison):
    key, operation, value = comparison
    [(column, read, values)] = as_server(built([comparison]))
    assert (column, read) == ({"name": "display_name"}.get(key, key), operation)
    if isinstance(value, datetime):
        start = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        assert values == (start, start + (1 if value.microsecond else 1_000_000))
    else:
        assert values == (tuple(dict.fromkeys(value)) if operation is Operation.IN else (value,))


@given(NUMBERS)
def test_the_server_reads_numbers_that_were_compared(comparison):
    _, operation, value = comparison
    assert as_server(built([comparison]), fields.ARTIFACTS) == [("number_value", operation, (float(value),))]


@given(st.lists(COMPARISONS, max_size=4))
def test_the_message_and_its_json_say_the_same(comparisons):
    expression = built(comparisons)
    message = expression.to_message()
    assert json_format.Parse(expression.to_json() or "{}", filter_pb2.Filter()) == message
    for form in (expression, message, json_format.MessageToDict(message), expression.to_json()):
        assert parse_filter(filter_text(form), fields.RUNS) == parse_filter(expression.to_json(), fields.RUNS)


@given(st.text(max_size=40) | st.text(st.sampled_from("ab =<>!~'\"\\()[],in and or"), max_size=30))
def test_any_text_is_read_or_refused_with_a_place(text):
    with contextlib.suppress(FilterError):
        expression = parse(text)
        assert parse(str(expression)) == expression
        return
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert caught.value.position is not None
    assert 0 <= caught.value.position <= len(text)


@pytest.mark.parametrize("kind", [FieldKind.TIME, FieldKind.NUMBER])
def test_keys_of_times_and_numbers_are_those_of_the_server(kind):
    keys = {each.key for of in (*LISTS, fields.RECURRING_RUNS) for each in of.values() if each.kind is kind}
    others = {each.key for of in LISTS for each in of.values() if each.kind is not kind}
    assert keys == (TIME_KEYS if kind is FieldKind.TIME else NUMBER_KEYS)
    assert not keys & others


class Color(Enum):
    RUNNING = "anything"


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("FAILED", ("FAILED",)),
        (run_pb2.RuntimeState.FAILED, ("FAILED",)),
        (Color.RUNNING, ("RUNNING",)),
        (numpy.int64(5), ("FAILED",)),
        (5.0, ("FAILED",)),
    ],
)
def test_a_state_is_compared_by_name_or_number(value, values):
    assert as_server(F.state == value) == [("state", Operation.EQUALS, values)]


@pytest.mark.parametrize(
    "value",
    [
        MOMENT,
        MOMENT.astimezone(timezone(timedelta(hours=5))),
        date(2026, 1, 31),
        "2026-01-31",
        "2026-01-31T14:00:00+02:00",
        "2026-01-31 12:00",
        pandas.Timestamp(MOMENT),
        Timestamp(seconds=MICROSECONDS // 1_000_000),
        MICROSECONDS // 1_000_000,
    ],
)
def test_a_time_may_be_given_in_any_form(value):
    [(column, operation, (start, _))] = as_server(F.created_at >= value)
    is_day = value in (date(2026, 1, 31), "2026-01-31")
    assert (column, operation) == ("created_at", Operation.GREATER_THAN_EQUALS)
    assert start == MICROSECONDS - (12 * 3_600_000_000 if is_day else 0)


def test_times_in_a_list_are_whole_seconds():
    second = MICROSECONDS // 1_000_000
    assert as_server(F.created_at.in_([MOMENT])) == [
        ("created_at", Operation.IN, ((second * 10**6, second * 10**6 + 10**6),))
    ]
    assert as_server(F.created_at.in_([])) == [("created_at", Operation.IN, ())]
    with pytest.raises(FilterError, match="whole seconds"):
        F.created_at.in_([MOMENT.replace(microsecond=1)])


def test_comparisons_may_have_the_value_first():
    assert (MOMENT < F.created_at) == (F.created_at > MOMENT)  # noqa: SIM300


def test_keys_of_tags_are_written_in_brackets():
    assert as_server(F["tags.team"] == "growth", fields.PIPELINES) == [("tags.team", Operation.EQUALS, ("growth",))]
    assert parse('"tags.my team"=growth') == (F["tags.my team"] == "growth")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: (F.state == "FAILED") | (F.state == "CANCELED"), "cannot say 'or'"),
        (lambda: ~(F.state == "FAILED"), "cannot say 'not'"),
        (lambda: (F.state == "FAILED") and (F.name == "x"), "combine filters with &"),
        (lambda: not F.state == "FAILED", "neither true nor false"),  # noqa: SIM201
        (lambda: F.a == 1 & F.b == 2, "in parentheses"),
        (lambda: 1 < F.number_value < 5, "neither true nor false"),
        (lambda: "text" in F.name, r"F.name.contains\(text\)"),
        (lambda: F.name in ["a", "b"], "neither true nor false"),
        (lambda: bool(F.name), "compare it"),
        (lambda: ~F.name, "cannot say 'not'"),
        (lambda: F.name | F.state, "in parentheses"),
        (lambda: {F.name}, "unhashable"),
    ],
)
def test_what_python_or_the_contract_cannot_express_is_refused_at_once(make, words):
    with pytest.raises(TypeError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: F.created_at > datetime(2026, 1, 1), "without time zone"),
        (lambda: F.created_at > pandas.NaT, "missing"),
        (lambda: F.created_at == date(2026, 1, 1), "use >= and <"),
        (lambda: F.created_at.in_(["2026-01-01"]), "use >= and <"),
        (lambda: F.created_at > "yesterday", "2026-01-31T12:00:00Z"),
        (lambda: F.created_at > "2026-02-30", "not a valid time"),
        (lambda: F.created_at > "0001-01-01T00:00:00+01:00", "not a valid time"),
        (lambda: F.created_at > Timestamp(seconds=2**60), "out of range"),
        (lambda: F.number_value > 0.5, "whole numbers"),
        (lambda: F.number_value > float("nan"), "whole numbers"),
        (lambda: F.number_value > 2**63, "out of range"),
        (lambda: F.archived == True, "cannot be compared with True"),  # noqa: E712
        (lambda: F.uri == None, "cannot be compared with None"),  # noqa: E711
        (lambda: F.state == ["FAILED"], r"F.state.in_\(\[...\]\)"),
        (lambda: F.name == b"bytes", "bytes"),
        (lambda: F.name == "\ud800", "valid Unicode"),
        (lambda: F.state.in_("FAILED"), "a list of values, not one text"),
        (lambda: F.state.in_(5), "a list of values"),
        (lambda: F.state.in_(["FAILED", 5]), "not both"),
        (lambda: F.name.contains(5), "takes a text"),
        (lambda: F[""], "not empty"),
    ],
)
def test_values_that_no_filter_takes_are_refused_at_once(make, words):
    with pytest.raises(FilterError, match=words):
        make()


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("state=", 6, "expected a value"),
        ("state", 5, "expected one of"),
        ("=FAILED", 0, "expected a key"),
        ("state=FAILED or state=CANCELED", 13, "cannot say 'or'"),
        ("state=FAILED name=x", 13, "expected 'and'"),
        ("state=FAILED and", 16, "expected a comparison"),
        ("state=FAILED and and=x", 17, "expected a key"),
        ("(state=FAILED)", 0, "no parentheses"),
        ("not state=FAILED", 0, "cannot say 'not'"),
        ("state not in (FAILED)", 6, "use !="),
        ("name!~x", 4, "use !="),
        ("state in FAILED", 9, "expected a list"),
        ("state in (FAILED RUNNING)", 17, "expected , or \\)"),
        ("state in (FAILED", 16, "expected , or \\)"),
        ("state in (,)", 10, "expected a value"),
        ("name='x", 5, "not closed"),
        ("name='x\\'", 5, "not closed"),
        ("''=x", 0, "key is empty"),
        ('name=a"b', 6, "quotes as a whole"),
        ("created_at>soon", 11, "2026-01-31"),
        ("created_at = 2026-01-01", 13, "use >= and <"),
        ("number_value>=0.5", 14, "whole numbers"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_its_place(text, position, words):
    with pytest.raises(FilterError, match=words) as caught:
        parse(text)
    assert caught.value.position == position
    assert f"at character {position + 1}" in str(caught.value)
    assert caught.value.pointer() == f"{text}\n{' ' * position}^"


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("", Expression()),
        ("state=FAILED", F.state == "FAILED"),
        ("state == FAILED AND name ~ churn", (F.state == "FAILED") & F.name.contains("churn")),
        ("pipeline_id=123", F.pipeline_id == "123"),
        ("uri=s3://b/a?x=1&y=(2)", F.uri == "s3://b/a?x=1&y=(2)"),
        ("state in [FAILED,'A B' , \"C\"]", F.state.in_(["FAILED", "A B", "C"])),
        ("state in ()", F.state.in_([])),
        ('name="say \\"hi\\" \\\\"', F.name == 'say "hi" \\'),
        ('name="" and state!=FAILED', (F.name == "") & (F.state != "FAILED")),
        ("finished_at=0", F.finished_at == 0),
        ("created_at>=2026-01-31T12:00:00.5Z", F.created_at >= MOMENT.replace(microsecond=500_000)),
        ("order=5", F.order == "5"),
        ('"in"=x', F["in"] == "x"),
    ],
)
def test_a_text_says_what_it_looks_like(text, expression):
    assert parse(text) == expression


def test_an_expression_without_predicates_is_no_filter():
    assert Expression().to_json() == "" == str(Expression())
    assert parse("  ") == Expression()


def test_the_json_is_that_of_the_contract():
    expression = (F.state == "FAILED") & (F.created_at > MOMENT)
    assert json.loads(expression.to_json()) == {
        "predicates": [
            {"operation": "EQUALS", "key": "state", "string_value": "FAILED"},
            {"operation": "GREATER_THAN", "key": "created_at", "timestamp_value": "2026-01-31T12:00:00Z"},
        ]
    }


def test_notebooks_and_copies_find_no_special_names_in_keys():
    assert not hasattr(F, "_repr_html_")
    assert not hasattr(F, "__deepcopy__")
    assert repr(F.state), repr(F["tags.x"]) == ("F.state", "F['tags.x']")
