"""What a query says, whatever is sent."""

import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.rules.search.query import TERMS_MAX, Metric, Operation, Query, parse
from server.rules.search.times import moment_of
from storage.model import ArtifactType, RunState

CHARACTERS = st.characters(exclude_characters="\x00", exclude_categories=("Cs",))
TEXTS = st.text(CHARACTERS, min_size=1, max_size=30)
AGES = st.builds("{}{}".format, st.integers(0, 999_999_999), st.sampled_from("smhdw"))
TIMES = st.one_of(AGES, st.dates().map(str), st.datetimes().map(lambda moment: moment.isoformat()))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
METRICS = st.builds(Metric, TEXTS, st.sampled_from(Operation), NUMBERS)
QUERIES = st.builds(
    Query,
    words=st.lists(TEXTS, unique=True, max_size=5).map(tuple),
    state=st.sampled_from(["", *(state.name for state in RunState if state)]),
    pipeline=st.one_of(st.just(""), TEXTS),
    experiment=st.one_of(st.just(""), TEXTS),
    type=st.sampled_from([None, *(type for type in ArtifactType if type)]),
    since=st.one_of(st.just(""), TIMES),
    until=st.one_of(st.just(""), TIMES),
    metrics=st.lists(METRICS, max_size=4).map(tuple),
).filter(lambda query: query != Query())


@given(QUERIES)
def test_a_query_that_is_written_is_read_as_it_was(query: Query) -> None:
    assert parse(query.text()) == query


PIECES = st.sampled_from(
    [
        "state:",
        "failed",
        "metric:",
        ">=",
        ">",
        "0.9",
        "nan",
        "1e999",
        '"',
        "\\",
        "\\\\",
        " ",
        "\n",
        "s3://b",
        "x",
        "since:",
        "2d",
        "%",
    ]
)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=20).map("".join)))
@example('"' * 4095)
@example('"\\"\\\\')
@example("\ud800")
@example("metric:" + "9" * 4000 + ">" + "9" * 80)
@example("metric:a>" + "9" * 4000)
@example("since:" + "9" * 4000 + "d")
@example("since:2026-03-01T00:00:00+99:99")
@example("until:0000-01-01")
def test_any_text_is_a_query_or_refused(text: str) -> None:
    try:
        query = parse(text)
    except InvalidArgument:
        return
    assert parse(query.text()) == query


READ: dict[str, Query] = {
    "churn state:failed": Query(("churn",), state="FAILED"),
    "  a\tb\u3000c a ": Query(("a", "b", "c")),
    '"two words" x': Query(("two words", "x")),
    '"state:failed"': Query(("state:failed",)),
    's"t"ate:failed': Query(("state:failed",)),
    '"a \\"b\\" c"': Query(('a "b" c',)),
    '"a\\b\\\\"': Query(("a\\b\\",)),
    "a\\b": Query(("a\\b",)),
    "s3://bucket/x gs://b": Query(("s3://bucket/x", "gs://b")),
    "dbfs:/mnt file:/x": Query(("dbfs:/mnt", "file:/x")),
    'pipeline:"my pipeline"': Query(pipeline="my pipeline"),
    "pipeline:a:b": Query(pipeline="a:b"),
    "12:30 :x": Query(("12:30", ":x")),
    "metric:accuracy>0.9": Query(metrics=(Metric("accuracy", Operation.GREATER, 0.9),)),
    "metric:a!=-1 metric:a<=+.5": Query(
        metrics=(Metric("a", Operation.NOT_EQUAL, -1.0), Metric("a", Operation.AT_MOST, 0.5))
    ),
    'metric:"a>b">=1e3': Query(metrics=(Metric("a>b", Operation.AT_LEAST, 1000.0),)),
    'metric:a="2"': Query(metrics=(Metric("a", Operation.EQUAL, 2.0),)),
    "type:slicedclassificationmetric": Query(type=ArtifactType.SlicedClassificationMetric),
}


@pytest.mark.parametrize("text", READ)
def test_what_a_query_says(text: str) -> None:
    assert parse(text) == READ[text]


def test_so_many_terms_are_read_and_no_more() -> None:
    words = [f"w{number}" for number in range(TERMS_MAX)]
    assert parse(" ".join(words)).words == tuple(words)
    with pytest.raises(InvalidArgument, match="limit"):
        parse(" ".join([*words, "w"]))


@pytest.mark.parametrize(
    ("metric", "values"),
    [
        ("a>1", {0.5: False, 1.0: False, 1.5: True}),
        ("a>=1", {0.5: False, 1.0: True, 1.5: True}),
        ("a<1", {0.5: True, 1.0: False, 1.5: False}),
        ("a<=1", {0.5: True, 1.0: True, 1.5: False}),
        ("a=1", {0.5: False, 1.0: True, 1.5: False}),
        ("a!=1", {0.5: True, 1.0: False, 1.5: True}),
        ("a<1e308", {math.inf: False, -math.inf: True}),
    ],
)
def test_a_comparison_holds_of_some_values(metric: str, values: dict[float, bool]) -> None:
    [parsed] = parse(f"metric:{metric}").metrics
    assert {value: parsed.holds(value) for value in values} == values


HOUR = 3_600_000_000
MOMENTS: dict[str, tuple[Any, Any]] = {
    "1970-01-02": (24 * HOUR, 48 * HOUR),
    "1970-01-01T01:00": (HOUR, HOUR + 1),
    "1970-01-01T01:00:00Z": (HOUR, HOUR + 1),
    "1970-01-01t01:00:00.000001z": (HOUR + 1, HOUR + 2),
    "1970-01-01T01:00:00+01:00": (0, 1),
    "1h": (99 * HOUR, 99 * HOUR + 1),
    "0s": (100 * HOUR, 100 * HOUR + 1),
    "1969-12-31T23:00:00Z": (-HOUR, -HOUR + 1),
    "9999-12-31": (253_402_214_400_000_000, 253_402_300_800_000_000),
    "10000-01-01": (None, None),
    "1970-13-01": (None, None),
    "1970-01-01T01": (None, None),
    "1970-01-01 01:00": (None, None),
    "-1d": (None, None),
    "1": (None, None),
    "": (None, None),
    "١d": (None, None),
}


@pytest.mark.parametrize("text", MOMENTS)
def test_a_time_is_a_moment_and_as_an_end_the_one_after_it(text: str) -> None:
    now = 100 * HOUR
    assert (moment_of(text, now=now, is_end=False), moment_of(text, now=now, is_end=True)) == MOMENTS[text]
