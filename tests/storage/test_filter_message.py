"""How the text of a filter is read: what the message Filter allows, and nothing else."""

from urllib.parse import quote

import pytest

from storage.errors import InvalidFilter
from storage.fields import ARTIFACTS, TASKS
from storage.filters import Operation, parse_filter
from tests.storage.filter_texts import NAMED, filter_text, predicate, values, with_number


def test_no_text_is_no_filter():
    assert parse_filter("", TASKS) == ()


@pytest.mark.parametrize(
    "text", [" ", "\n", "+", "%20", "%00", "true", '"{}"', "{} {}", "\ufeff{}", "{'predicates':[]}"]
)
def test_a_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(InvalidFilter):
        parse_filter(text, TASKS)


@pytest.mark.parametrize("name", ["a+b", "100%", "x%2Fy", "%zz", "plain name"])
def test_plain_json_is_taken_as_it_is(name):
    text = filter_text(predicate("EQUALS", "name", string_value=name))
    assert values(text) == values(quote(text)) == (name,)


def test_a_message_that_fits_no_column_is_not_unescaped():
    text = filter_text(predicate("EQUALS", "name%20", string_value="x")).replace("name%20", "%6eame")
    with pytest.raises(InvalidFilter, match="%6eame"):
        parse_filter(text, TASKS)


def test_the_error_of_a_plain_filter_is_about_the_filter_and_not_its_escapes():
    for text in ('{"predicates":[{"bogus":"100%"}]}', '{"predicates":[{"bogus":"a+b"}]}'):
        with pytest.raises(InvalidFilter, match="bogus"):
            parse_filter(text, TASKS)


def test_a_text_is_unescaped_only_once():
    with pytest.raises(InvalidFilter):
        parse_filter(quote(quote(filter_text(NAMED))), TASKS)


@pytest.mark.parametrize("escape", ["%", "%2", "%zz", "%%", "%ff", "%c3%28", "%ed%a0%80"])
def test_a_bad_escape_is_refused(escape):
    text = quote('{"predicates":[{"operation":1,"key":"name","string_value":"x"}]}').replace("x", escape)
    with pytest.raises(InvalidFilter):
        parse_filter(text, TASKS)


@pytest.mark.parametrize(
    "text",
    [
        '{"predicates":[],"predicates":[]}',
        '{"predicates":[{"operation":1,"key":"name","key":"name","string_value":"x"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":"x","stringValue":"x"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":null,"stringValue":"x"}]}',
        '{"predicates":[{"operation":1,"key":"status","string_value":"1","int_value":1}]}',
        '{"predicates":[{"operation":8,"key":"status","int_values":{},"long_values":{}}]}',
        '{"predicates":[{"operation":1,"key":"name","STRING_VALUE":"x"}]}',
        '{"predicates":[{"operation":8,"key":"name","string_values":["x"]}]}',
        '{"predicates":[{"operation":8,"key":"name","string_values":{"values":"x"}}]}',
        '{"predicates":[{"operation":8,"key":"name","string_values":{"values":[null]}}]}',
        '{"predicates":[{"operation":8,"key":"name","string_values":{"value":[]}}]}',
        '{"predicates":{}}',
        '{"predicates":[null]}',
        '{"predicates":[[]]}',
        '{"Predicates":[]}',
        '{"predicates":[{"operation":"1","key":"name","string_value":"x"}]}',
        '{"predicates":[{"operation":true,"key":"name","string_value":"x"}]}',
        '{"predicates":[{"operation":"equals","key":"name","string_value":"x"}]}',
        '{"predicates":[{"operation":4,"key":"name","string_value":"x"}]}',
        '{"predicates":[{"operation":1,"key":1,"string_value":"x"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":1}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":"\\u0000"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":"\\ud800"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":"\ud800"}]}',
        '{"predicates":[{"operation":1,"key":"name","string_value":"a\nb"}]}',
        '{"predicates":[{"operation":1,"key":"number_value","int_value":NaN}]}',
        '{"predicates":' + "[" * 30_000 + "]" * 30_000 + "}",
        "[" * 60_000,
        '{"a":' * 10_000,
    ],
)
def test_what_the_message_does_not_allow_is_refused(text):
    for fields in (TASKS, ARTIFACTS):
        with pytest.raises(InvalidFilter):
            parse_filter(text, fields)


def test_null_fields_are_absent():
    text = '{"predicates":[{"operation":1,"key":"name","int_value":null,"timestamp_value":null,"string_value":"x"}]}'
    assert values(text) == ("x",)
    assert parse_filter('{"predicates":null}', TASKS) == ()
    with pytest.raises(InvalidFilter, match="no value"):
        parse_filter(filter_text(predicate(1, "name", string_value=None)), TASKS)


@pytest.mark.parametrize("number", ["4", "4.0", "4e0", "0.4e1", "400E-2", '"4"', '"4.0"', '"4e0"', "4." + "0" * 5000])
def test_a_whole_number_has_many_spellings(number):
    for form in ("int_value", "longValue"):
        assert values(with_number(form, number)) == (4,)


@pytest.mark.parametrize(
    "number",
    [
        "4.5",
        "1e-1",
        '" 4"',
        '"4 "',
        '""',
        '"+4"',
        '"04"',
        '"0x4"',
        '"4_0"',
        '"٤"',
        '"NaN"',
        '"Infinity"',
        "true",
        "[4]",
        "{}",
        "9223372036854775808",
        "-9223372036854775809",
        "1e19",
        "1e999999999",
        "1e-999999999",
        "1" * 60_000,
        '"1e99999999"',
        "1e99999999999999999999",
        "-Infinity",
    ],
)
def test_what_is_no_whole_number_of_64_bits_is_refused(number):
    for form in ("int_value", "long_value"):
        with pytest.raises(InvalidFilter):
            parse_filter(with_number(form, number), TASKS)


def test_int_values_have_32_bits_and_long_values_64():
    assert values(filter_text(predicate(1, "create_time", int_value=2**31 - 1)))[0] == (2**31 - 1) * 1_000_000
    assert values(filter_text(predicate(1, "number_value", long_value=-(2**63))), ARTIFACTS) == (-(2**63),)
    for number in (2**31, -(2**31) - 1):
        with pytest.raises(InvalidFilter, match="out of range"):
            parse_filter(filter_text(predicate(1, "create_time", int_value=number)), TASKS)


@pytest.mark.parametrize("zero", ["0", "-0", "0.0", "0e999999999", '"-0"'])
def test_zero_is_zero(zero):
    assert values(with_number("int_value", zero)) == (0,)


def test_operations_have_the_numbers_of_the_wire():
    numbers = {operation.name: operation.value for operation in Operation}
    assert numbers == {
        "EQUALS": 1,
        "NOT_EQUALS": 2,
        "GREATER_THAN": 3,
        "GREATER_THAN_EQUALS": 5,
        "LESS_THAN": 6,
        "LESS_THAN_EQUALS": 7,
        "IN": 8,
        "IS_SUBSTRING": 9,
    }
