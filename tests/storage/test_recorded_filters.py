"""Filters that the reference server accepted and refused, and ours therefore must."""

from urllib.parse import quote, quote_plus

import pytest

from storage.errors import InvalidFilter
from storage.fields import ARTIFACT_TASKS, ARTIFACTS, EXPERIMENTS, TASKS
from storage.filters import canonical, parse_filter, restore
from tests.storage.filter_texts import NAMED, SCALAR, TIME, filter_text, predicate

ACCEPTED_OF_TASKS = [
    *[filter_text(predicate(operation, "name", string_value="n2")) for operation in SCALAR],
    *[filter_text(predicate(operation, "create_time", timestamp_value=TIME)) for operation in SCALAR],
    filter_text(predicate("EQUALS", "name", string_value="none")),
    filter_text(predicate("IN", "name", string_values={"values": ["n1", "n3", "zzz"]})),
    filter_text(predicate("IN", "name", string_values={"values": []})),
    filter_text(predicate("IS_SUBSTRING", "name", string_value="root")),
    filter_text(predicate("IS_SUBSTRING", "name", string_value="")),
    filter_text(predicate("EQUALS", "status", int_value=2)),
    filter_text(predicate("NOT_EQUALS", "status", int_value=2)),
    filter_text(predicate("IN", "status", int_values={"values": [1, 4]})),
    filter_text(predicate("IN", "status", long_values={"values": ["1", "4"]})),
    filter_text(predicate("GREATER_THAN", "status", int_value=2)),
    filter_text(predicate("EQUALS", "status", long_value="5")),
    filter_text(predicate("EQUALS", "type", int_value=1)),
    filter_text(predicate("IN", "type", int_values={"values": [1, 2]})),
    filter_text(predicate("GREATER_THAN", "end_time", timestamp_value="2024-01-01T00:00:05Z")),
    filter_text(predicate("EQUALS", "create_time", long_value="1704067202")),
    filter_text(predicate("EQUALS", "cache_fingerprint", string_value="f3")),
    filter_text(predicate("EQUALS", "scope_path", string_value="root.n1")),
    filter_text(predicate("IS_SUBSTRING", "scope_path", string_value=".n")),
    filter_text(predicate("EQUALS", "display_name", string_value="D4")),
    filter_text(predicate("EQUALS", "run_id", string_value="x")),
    filter_text(predicate("IS_SUBSTRING", "name", string_value="n"), predicate("EQUALS", "status", int_value=2)),
    filter_text(predicate("GREATER_THAN", "status", int_value=1), predicate("LESS_THAN", "status", int_value=4)),
    filter_text(predicate("EQUALS", "name", string_value="n1"), predicate("EQUALS", "name", string_value="n2")),
    filter_text(predicate("IS_SUBSTRING", "name", string_value="%")),
    filter_text(predicate("IS_SUBSTRING", "name", string_value="_1")),
    filter_text(predicate("EQUALS", "state", int_value=1)),
    "{}",
    '{"predicates": []}',
    "%7B%22predicates%22%3A%20%5B%7B%22operation%22%3A%20%22EQUALS%22%2C%20%22key%22%3A%20%22name%22%2C%20"
    "%22string_value%22%3A%20%22t%201%2B%25%22%7D%5D%7D",
    "%7B%22predicates%22%3A%20%5B%7B%22operation%22%3A%20%22EQUALS%22%2C%20%22key%22%3A%20%22status%22%2C%20"
    "%22int_value%22%3A%204%7D%5D%7D",
    '{"predicates":[{"operation":"EQUALS","key":"status","intValue":4}]}',
    '{"predicates":[{"operation":1,"key":"status","int_value":4}]}',
    '{"predicates":[{"operation":"EQUALS","key":"status","longValue":"4"}]}',
    '{"predicates":[{"operation":"IN","key":"status","intValues":{"values":[1]}}]}',
    filter_text(predicate("EQUALS", "name", string_value="t 1+x")),
    '{"predicates":+[{"operation":+"EQUALS",+"key":+"name",+"string_value":+"a"}]}',
]

REFUSED_OF_TASKS = [
    *[filter_text(predicate(operation, "name", string_values={"values": ["x"]})) for operation in SCALAR],
    filter_text(predicate("IN", "name", string_value="x")),
    filter_text(predicate("IN", "status", int_value=1)),
    filter_text(predicate("IN", "status", long_value="1")),
    filter_text(predicate("IN", "create_time", timestamp_value="2024-01-01T00:00:01Z")),
    filter_text(predicate("EQUALS", "status", int_values={"values": [1]})),
    filter_text(predicate("EQUALS", "status", long_values={"values": ["1"]})),
    filter_text(predicate("IS_SUBSTRING", "status", int_value=1)),
    filter_text(predicate("IS_SUBSTRING", "name", string_values={"values": ["x"]})),
    filter_text(predicate("IS_SUBSTRING", "create_time", timestamp_value="2024-01-01T00:00:01Z")),
    filter_text({"key": "name", "string_value": "x"}),
    filter_text(predicate("OPERATION_UNSPECIFIED", "name", string_value="x")),
    filter_text(predicate("EQUALS", "name")),
    filter_text({"operation": "EQUALS", "string_value": "x"}),
    filter_text(predicate("NOPE", "name", string_value="x")),
    filter_text(predicate("EQUALS", "nope", string_value="x")),
    filter_text(predicate("EQUALS", "Name", string_value="x")),
    filter_text(predicate("EQUALS", "namespace", string_value="x")),
    filter_text(predicate("EQUALS", "tasks.name", string_value="x")),
    filter_text(predicate("EQUALS", "name", string_value="x"), predicate("IN", "name", string_value="x")),
    "[]",
    "null",
    '{"predicates": [{}]}',
    "not json",
    '{"predicates":[{"bogus":1}]}',
    "%zz",
]


ACCEPTED_OF_ARTIFACTS = [
    filter_text(NAMED),
    *[filter_text(NAMED, predicate(operation, "name", string_value="salt-2")) for operation in SCALAR],
    filter_text(NAMED, predicate("IN", "name", string_values={"values": ["salt-1", "salt-4"]})),
    filter_text(NAMED, predicate("EQUALS", "type", int_value=2)),
    filter_text(NAMED, predicate("IN", "type", int_values={"values": [2, 6]})),
    filter_text(NAMED, predicate("NOT_EQUALS", "type", int_value=6)),
    filter_text(NAMED, predicate("EQUALS", "type", string_value="2")),
    filter_text(NAMED, predicate("IS_SUBSTRING", "uri", string_value="model")),
    filter_text(NAMED, predicate("IN", "uri", string_values={"values": ["s3://salt/2"]})),
    filter_text(NAMED, predicate("EQUALS", "description", string_value="d3")),
    filter_text(NAMED, predicate("GREATER_THAN", "number_value", int_value=2)),
    filter_text(NAMED, predicate("EQUALS", "number_value", int_value=2)),
    filter_text(NAMED, predicate("EQUALS", "namespace", string_value="")),
    filter_text(NAMED, predicate("GREATER_THAN", "created_at", timestamp_value=TIME)),
    filter_text(NAMED, predicate("LESS_THAN", "last_update", timestamp_value="2100-01-01T00:00:00Z")),
    filter_text(predicate("EQUALS", "uri", string_value="s3://salt/same")),
    filter_text(predicate("EQUALS", "uri", string_value=""), NAMED),
    "%7B%22predicates%22%3A%20%5B%7B%22operation%22%3A%20%22EQUALS%22%2C%20%22key%22%3A%20%22uri%22%2C%20"
    "%22string_value%22%3A%20%22s3%3A//salt/same%22%7D%5D%7D",
]

REFUSED_OF_ARTIFACTS = [
    "x",
    filter_text(predicate("EQUALS", "nope", string_value="x")),
    filter_text(predicate("EQUALS", "uri", int_value=3), predicate("IN", "uri", string_value="x")),
    filter_text(predicate("IN", "uri", string_value="x")),
    filter_text(predicate("EQUALS", "uri", string_values={"values": ["x"]})),
    filter_text(predicate("IS_SUBSTRING", "type", int_value=1)),
]

ACCEPTED_OF_LINKS = [
    filter_text(predicate("EQUALS", "key", string_value="k03")),
    filter_text(predicate("NOT_EQUALS", "key", string_value="k03")),
    filter_text(predicate("IN", "key", string_values={"values": ["k01", "zz"]})),
    filter_text(predicate("IS_SUBSTRING", "key", string_value="2")),
    filter_text(predicate("GREATER_THAN", "key", string_value="k20")),
    filter_text(predicate("LESS_THAN_EQUALS", "key", string_value="k02")),
    filter_text(predicate("EQUALS", "type", int_value=9)),
    filter_text(predicate("EQUALS", "task_id", string_value="t"), predicate("EQUALS", "type", int_value=9)),
    filter_text(predicate("EQUALS", "artifact_id", string_value="a"), predicate("EQUALS", "key", string_value="k")),
]

REFUSED_OF_LINKS = [filter_text(predicate("IN", "key", string_value="k01"))]

ACCEPTED_OF_EXPERIMENTS = [
    *[
        filter_text(NAMED, predicate(operation, "storage_state", string_value=state))
        for operation in ["EQUALS", "NOT_EQUALS"]
        for state in ["ARCHIVED", "AVAILABLE", "STORAGESTATE_ARCHIVED", "archived"]
    ],
    filter_text(NAMED, predicate("IN", "storage_state", string_values={"values": ["ARCHIVED", "AVAILABLE"]})),
    filter_text(predicate("EQUALS", "display_name", string_value="salt-alpha")),
    filter_text(predicate("IN", "name", string_values={"values": []})),
    filter_text(predicate("EQUALS", "id", string_value="e")),
    filter_text(predicate("IN", "experiment_id", string_values={"values": ["e", "f"]})),
    filter_text(NAMED, predicate("IS_SUBSTRING", "description", string_value="bout g")),
    filter_text(NAMED, predicate("GREATER_THAN", "created_at", timestamp_value="2020-01-01T00:00:00Z")),
    filter_text(NAMED, predicate("EQUALS", "last_run_created_at", long_value="0")),
    filter_text(NAMED, predicate("EQUALS", "last_run_created_at", int_value=0)),
    filter_text(NAMED, predicate("EQUALS", "last_run_created_at", timestamp_value="1970-01-01T00:00:00Z")),
    filter_text(NAMED, predicate("EQUALS", "namespace", string_value="ns1")),
    filter_text(predicate(1, "name", stringValue="salt-alpha")),
]

ACCEPTED = [
    *[(text, TASKS) for text in ACCEPTED_OF_TASKS],
    *[(text, ARTIFACTS) for text in ACCEPTED_OF_ARTIFACTS],
    *[(text, ARTIFACT_TASKS) for text in ACCEPTED_OF_LINKS],
    *[(text, EXPERIMENTS) for text in ACCEPTED_OF_EXPERIMENTS],
]
REFUSED = [
    *[(text, TASKS) for text in REFUSED_OF_TASKS],
    *[(text, ARTIFACTS) for text in REFUSED_OF_ARTIFACTS],
    *[(text, ARTIFACT_TASKS) for text in REFUSED_OF_LINKS],
]


@pytest.mark.parametrize(("text", "fields"), ACCEPTED)
def test_a_filter_the_reference_accepts_is_accepted_plain_and_escaped(text, fields):
    predicates = parse_filter(text, fields)
    if text.startswith("{") and "+[" not in text:
        assert parse_filter(quote(text), fields) == parse_filter(quote_plus(text), fields) == predicates
    assert restore(canonical(predicates), fields) == predicates


@pytest.mark.parametrize(("text", "fields"), REFUSED)
def test_a_filter_the_reference_refuses_is_refused_plain_and_escaped(text, fields):
    for spelling in (text, quote(text)):
        with pytest.raises(InvalidFilter):
            parse_filter(spelling, fields)


def test_canonical_texts_differ_where_predicates_differ():
    texts = {canonical(parse_filter(text, TASKS)) for text in ACCEPTED_OF_TASKS}
    assert len(texts) == len({parse_filter(text, TASKS) for text in ACCEPTED_OF_TASKS})
