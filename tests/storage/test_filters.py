"""What a filter compares rows with: limits, values of columns, enum names."""

import json

import pytest

from storage.errors import InvalidFilter
from storage.fields import (
    ARTIFACTS,
    EXPERIMENTS,
    RUNS,
    TASKS,
    Field,
    FieldSet,
)
from storage.filters import Operation, Predicate, parse_filter
from tests.storage.filter_texts import NAMED, ORDERINGS, TIME, filter_text, predicate, values

SECOND = 1_000_000


def test_a_filter_may_have_64_kib_as_sent():
    longest = filter_text(predicate(1, "name", string_value="")).replace('""', '"' + "ü" * 10 + '"')
    padded = longest + " " * (64 * 1024 - len(longest.encode()) + 10)
    padded = padded[: len(padded) - (len(padded.encode()) - 64 * 1024)]
    assert len(padded.encode()) == 64 * 1024
    assert values(padded) == ("ü" * 10,)
    with pytest.raises(InvalidFilter, match="65536"):
        parse_filter(padded + " ", TASKS)


def test_a_filter_may_have_64_predicates():
    assert len(parse_filter(filter_text(*[NAMED] * 64), TASKS)) == 64
    with pytest.raises(InvalidFilter, match="64"):
        parse_filter(filter_text(*[NAMED] * 65), TASKS)


def test_a_filter_may_search_four_json_columns():
    searches = [predicate(9, key, string_value="x") for key in ("inputs", "outputs", "pods", "inputs")]
    texts = [predicate(9, "name", string_value="x"), predicate(1, "outputs", string_value="x")] * 3
    assert len(parse_filter(filter_text(*searches, *texts), TASKS)) == 10
    with pytest.raises(InvalidFilter, match="has 5 predicates IS_SUBSTRING on long documents, at most 4 are allowed"):
        parse_filter(filter_text(*searches, *texts, predicate(9, "outputs", string_value="x")), TASKS)


def test_in_may_have_1000_values():
    numbers = list(range(1001))
    assert len(values(filter_text(predicate(8, "status", int_values={"values": numbers[:1000]})))) == 1000
    with pytest.raises(InvalidFilter, match="1000"):
        parse_filter(filter_text(predicate(8, "status", int_values={"values": numbers})), TASKS)


@pytest.mark.parametrize("long", ["k" * 5000, "\U0001f600" * 5000, "\n" * 5000, "'\"" * 2500])
def test_errors_repeat_little_of_the_text_and_can_be_sent(long):
    for text in (filter_text(predicate(1, long, string_value="x")), json.dumps({long: 1}), filter_text({long: 1})):
        with pytest.raises(InvalidFilter) as raised:
            parse_filter(text, TASKS)
        assert len(str(raised.value).encode()) < 160


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("1970-01-01T00:00:00Z", 0, SECOND),
        ("1970-01-01T00:00:01.000Z", SECOND, 2 * SECOND),
        ("1970-01-01T00:00:01.5Z", 1_500_000, 1_500_001),
        ("1970-01-01T00:00:01.000001999Z", 1_000_001, 1_000_002),
        ("1970-01-01T00:00:00.000000001Z", 0, 1),
        ("1970-01-01T02:00:00+02:00", 0, SECOND),
        ("1969-12-31T18:30:00-05:30", 0, SECOND),
        ("1969-12-31T23:59:59.25Z", -750_000, -749_999),
        ("2024-02-29T00:00:00Z", 1_709_164_800 * SECOND, 1_709_164_801 * SECOND),
        ("0001-01-01T00:00:00Z", -62_135_596_800 * SECOND, -62_135_596_799 * SECOND),
        ("9999-12-31T23:59:59.999999999Z", 253_402_300_800 * SECOND - 1, 253_402_300_800 * SECOND),
    ],
)
def test_a_time_without_a_fraction_covers_its_second_and_another_its_microsecond(text, start, end):
    assert values(filter_text(predicate(1, "create_time", timestampValue=text))) == (start, end)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00z",
        "2024-01-01T00:00Z",
        "",
        0,
        {},
        "2023-02-29T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:60:00Z",
        "0000-01-01T00:00:00Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.0000000000Z",
        "2024-01-01T00:00:00+0100",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+01:60",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "2024-01-01T00:00:00Z\n",
        "٢024-01-01T00:00:00Z",
        "12024-01-01T00:00:00Z",
        "2024-1-1T00:00:00Z",
    ],
)
def test_what_is_no_time_of_the_wire_is_refused(text):
    with pytest.raises(InvalidFilter, match="timestamp_value"):
        parse_filter(filter_text(predicate(1, "create_time", timestamp_value=text)), TASKS)


def test_numbers_on_a_time_are_seconds():
    assert values(filter_text(predicate(1, "create_time", long_value="1704067202"))) == (
        1_704_067_202 * SECOND,
        1_704_067_203 * SECOND,
    )
    assert values(filter_text(predicate(8, "end_time", long_values={"values": [0, "-1"]}))) == (
        (0, SECOND),
        (-SECOND, 0),
    )


@pytest.mark.parametrize("seconds", [2**63 - 1, -(2**63)])
def test_seconds_beyond_all_times_fit_a_column_and_cover_nothing(seconds):
    start, end = values(filter_text(predicate(1, "create_time", long_value=seconds)))
    assert start == end
    assert abs(start) < 2**63


@pytest.mark.parametrize(
    "value", [{"int_value": 2}, {"long_value": "2"}, {"string_value": "2"}, {"string_value": "SUCCEEDED"}]
)
def test_a_state_is_a_number_or_a_numeric_string_or_a_name(value):
    (as_number,) = parse_filter(filter_text(predicate(1, "status", **value)), TASKS)
    (by_alias,) = parse_filter(filter_text(predicate(1, "state", **value)), TASKS)
    assert as_number == by_alias == Predicate(TASKS["status"], Operation.EQUALS, (2,))
    name = "SUCCEEDED" if value == {"string_value": "SUCCEEDED"} else "RUNNING"
    assert values(filter_text(predicate(1, "state", **value)), RUNS) == (name,)


@pytest.mark.parametrize("operation", ["EQUALS", *ORDERINGS])
@pytest.mark.parametrize(
    ("key", "fields"), [("type", ARTIFACTS), ("status", TASKS), ("state", RUNS), ("storage_state", EXPERIMENTS)]
)
def test_an_unknown_enum_name_matches_nothing(operation, key, fields):
    (nothing,) = parse_filter(filter_text(predicate(operation, key, string_value="archived")), fields)
    assert (nothing.field.column, nothing.operation, nothing.values) == (fields[key].column, Operation.IN, ())


def test_not_equals_an_unknown_enum_name_matches_everything():
    text = filter_text(NAMED, predicate("NOT_EQUALS", "storage_state", string_value="STORAGESTATE_ARCHIVED"))
    assert parse_filter(text, EXPERIMENTS) == parse_filter(filter_text(NAMED), EXPERIMENTS)


@pytest.mark.parametrize(
    ("fields", "key", "value", "others"),
    [
        (TASKS, "state", "FAILED", (0, 1, 2, 3, 5)),
        (TASKS, "state", "99", (0, 1, 2, 3, 4, 5)),
        (RUNS, "storage_state", "ARCHIVED", ("STORAGE_STATE_UNSPECIFIED", "AVAILABLE")),
    ],
)
def test_not_equals_an_enum_value_is_in_the_others(fields, key, value, others):
    text = filter_text(predicate("NOT_EQUALS", key, string_value=value))
    [found] = parse_filter(text, fields)
    assert (found.operation, found.values) == (Operation.IN, others)


def test_in_leaves_unknown_enum_names_out():
    text = filter_text(predicate("IN", "type", stringValues={"values": ["Model", "model", "6", ""]}))
    assert values(text, ARTIFACTS) == (2, 6)


def test_a_number_that_no_enum_has_is_kept_within_32_bits():
    assert values(filter_text(predicate(1, "status", int_value=99))) == (99,)
    assert values(filter_text(predicate(1, "status", long_value=2**40))) == (2**31 - 1,)
    assert values(filter_text(predicate(1, "status", string_value="-" + "9" * 18))) == (-(2**31),)
    assert values(filter_text(predicate(1, "status", string_value="9" * 10_000))) == ()
    assert values(filter_text(predicate(1, "storage_state", int_value=99)), RUNS) == ()


def test_an_enum_stored_by_name_takes_numbers():
    assert values(filter_text(predicate(1, "storage_state", int_value=2)), EXPERIMENTS) == ("ARCHIVED",)
    assert values(filter_text(predicate(8, "state", string_values={"values": ["3", "FAILED"]})), RUNS) == (
        "SUCCEEDED",
        "FAILED",
    )


def test_the_older_status_of_runs_has_names_of_its_own():
    (by_status,) = parse_filter(filter_text(predicate(1, "status", string_value="Terminating")), RUNS)
    (by_state,) = parse_filter(filter_text(predicate(1, "state", string_value="CANCELING")), RUNS)
    assert by_status == by_state
    assert by_status.values == ("CANCELING",)
    assert values(filter_text(predicate(1, "status", string_value="CANCELING")), RUNS) == ("CANCELING",)
    assert values(filter_text(predicate(1, "state", string_value="Terminating")), RUNS) == ()


def test_an_empty_in_matches_nothing():
    for form in ("string_values", "int_values", "longValues"):
        for empty in ({}, {"values": []}, {"values": None}):
            assert values(filter_text(predicate(8, "type", **{form: empty}))) == ()


@pytest.mark.parametrize(
    ("fields", "raw"),
    [
        (TASKS, predicate(1, "name", int_value=1)),
        (TASKS, predicate(1, "task_id", long_value=1)),
        (TASKS, predicate(1, "pods", timestamp_value=TIME)),
        (TASKS, predicate(8, "name", int_values={"values": []})),
        (TASKS, predicate(1, "create_time", string_value=TIME)),
        (TASKS, predicate(1, "create_time", string_value="1")),
        (TASKS, predicate(1, "status", timestamp_value=TIME)),
        (TASKS, predicate(9, "status", string_value="RUN")),
        (TASKS, predicate(9, "create_time", long_value=1)),
        (RUNS, predicate(9, "state", string_value="RUN")),
        (RUNS, predicate(9, "storage_state", string_value="A")),
        (ARTIFACTS, predicate(1, "number_value", string_value="1")),
        (ARTIFACTS, predicate(1, "number_value", timestamp_value=TIME)),
        (ARTIFACTS, predicate(9, "number_value", int_value=1)),
        (EXPERIMENTS, predicate(1, "last_run_created_at", string_value="0")),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused_by_key(fields, raw):
    with pytest.raises(InvalidFilter, match=str(raw["key"])):
        parse_filter(filter_text(raw), fields)


def test_a_key_that_does_not_filter_is_refused():
    fields = FieldSet(Field("name", "name", filterable=False))
    with pytest.raises(InvalidFilter, match="name"):
        parse_filter(filter_text(NAMED), fields)


def test_keys_of_one_column_make_equal_predicates():
    for fields, one, other in (
        (ARTIFACTS, "id", "artifact_id"),
        (RUNS, "name", "display_name"),
        (EXPERIMENTS, "id", "experiment_id"),
    ):
        texts = [filter_text(predicate("EQUALS", key, string_value="x")) for key in (one, other)]
        assert parse_filter(texts[0], fields) == parse_filter(texts[1], fields)


def test_a_number_is_compared_as_a_float():
    (number,) = values(filter_text(predicate(1, "number_value", int_value=2)), ARTIFACTS)
    assert (number, type(number)) == (2.0, float)


def test_predicates_keep_their_order():
    predicates = [predicate(1, "name", string_value=str(number)) for number in range(5)]
    assert [each.values for each in parse_filter(filter_text(*predicates), TASKS)] == [
        (str(number),) for number in range(5)
    ]


def test_the_lists_of_one_column_are_one_of_what_they_share() -> None:
    name = predicate("EQUALS", "name", string_value="x")
    lists = [
        predicate("IN", "state", int_values={"values": [4, 1, 4, 2]}),
        predicate("IN", "status", string_values={"values": ["FAILED", "SUCCEEDED"]}),
    ]
    by_name, by_state = parse_filter(filter_text(name, *lists), TASKS)
    assert (by_name.field.column, by_state.field.column, by_state.operation) == ("name", "state", Operation.IN)
    assert by_state.values == (4, 2)
    (nothing,) = parse_filter(filter_text(*lists, predicate("IN", "state", int_values={"values": []})), TASKS)
    assert nothing.values == ()
