"""Whatever text is sent as a filter, it is understood in full or refused."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import InvalidFilter
from storage.fields import (
    ARTIFACT_LIST,
    ARTIFACT_TASK_LIST,
    EXPERIMENT_LIST,
    RUN_LIST,
    TASK_LIST,
    TASKS,
    FieldKind,
    FieldSet,
)
from storage.filters import Operation, canonical, parse_filter, restore
from tests.storage.filter_texts import SCALAR, filter_text, predicate

LISTABLES = [TASK_LIST, ARTIFACT_LIST, ARTIFACT_TASK_LIST, RUN_LIST, EXPERIMENT_LIST]

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
FORMS = ["int_value", "long_value", "string_value", "timestamp_value", "int_values", "long_values", "string_values"]
NEARLY_VALUES = ANY_JSON | st.fixed_dictionaries({"values": st.lists(ANY_JSON | st.integers() | st.text(), max_size=4)})
NEARLY_PREDICATE = st.fixed_dictionaries(
    {"operation": st.sampled_from([each.name for each in Operation]) | ANY_JSON},
    optional={
        "key": st.sampled_from(sorted({key for each in LISTABLES for key in each.fields})) | ANY_JSON,
        **{form: NEARLY_VALUES for form in FORMS},
    },
)
KNOWN_FIELDS = st.sampled_from([each.fields for each in LISTABLES])


def refuses_or_restores(text: str, fields: FieldSet) -> None:
    try:
        predicates = parse_filter(text, fields)
    except InvalidFilter:
        return
    assert restore(canonical(predicates), fields) == predicates


@given(text=st.text(st.characters(codec=None, exclude_categories=())), fields=KNOWN_FIELDS)
def test_any_text_is_a_filter_or_refused(text, fields):
    refuses_or_restores(text, fields)


@given(
    message=ANY_JSON | st.fixed_dictionaries({"predicates": ANY_JSON | st.lists(NEARLY_PREDICATE)}), fields=KNOWN_FIELDS
)
def test_any_json_is_a_filter_or_refused(message, fields):
    refuses_or_restores(json.dumps(message), fields)
    refuses_or_restores(json.dumps(message, ensure_ascii=False), fields)


VALUES = {
    FieldKind.TEXT: {"string_value": st.text()},
    FieldKind.JSON: {"string_value": st.text()},
    FieldKind.TIME: {"long_value": st.integers(-(2**63), 2**63 - 1), "int_value": st.integers(-(2**31), 2**31 - 1)},
    FieldKind.NUMBER: {"long_value": st.integers(-(2**63), 2**63 - 1)},
    FieldKind.NUMBERED_ENUM: {
        "long_value": st.integers(-(2**63), 2**63 - 1),
        "string_value": st.text() | st.just("FAILED"),
    },
    FieldKind.NAMED_ENUM: {"int_value": st.integers(-2, 12), "string_value": st.text() | st.just("FAILED")},
}


@st.composite
def good_filters(draw: st.DrawFn) -> tuple[str, FieldSet]:
    fields = draw(KNOWN_FIELDS)
    predicates = []
    for _ in range(draw(st.integers(0, 4))):
        field = draw(st.sampled_from(list(fields.values())))
        form, strategy = draw(st.sampled_from(list(VALUES[field.kind].items())))
        strategy = strategy.filter(lambda value: not isinstance(value, str) or "\0" not in value)
        if draw(st.booleans()):
            predicates.append(
                predicate("IN", field.key, **{form + "s": {"values": draw(st.lists(strategy, max_size=5))}})
            )
        else:
            predicates.append(predicate(draw(st.sampled_from(SCALAR)), field.key, **{form: draw(strategy)}))
    return filter_text(*predicates), fields


@given(good_filters())
def test_predicates_come_back_from_their_canonical_text_unchanged(example):
    text, fields = example
    predicates = parse_filter(text, fields)
    restored = restore(canonical(predicates), fields)
    assert restored == predicates
    assert [[type(value) for value in each.values] for each in restored] == [
        [type(value) for value in each.values] for each in predicates
    ]
    assert parse_filter(quote(text), fields) == predicates


@pytest.mark.parametrize("text", ["", "[1]", '[["nope",1,["x"]]]', '[["name",4,["x"]]]', '[["name",1]]', "1"])
def test_what_canonical_did_not_write_is_not_restored(text):
    with pytest.raises(InvalidFilter):
        restore(text, TASKS)
