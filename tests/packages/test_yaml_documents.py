"""YAML text → JSON documents: what plain scalars mean, what aliases may expand to, and that JSON is YAML."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.packages.documents import read_documents
from server.packages.text_limits import CHARACTERS_MAX, DEPTH_MAX, NODES_MAX, Tally, UnreadableText


def value_of(text: str) -> Any:
    [document] = read_documents(f"v: {text}\n".encode())
    return document["v"]


def refusal(text: str) -> str:
    with pytest.raises(UnreadableText) as caught:
        read_documents(text.encode())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("Null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("1_000", 1000),
        ("0x1F", 31),
        ("-0x1f", -31),
        ("0b101", 5),
        ("0o17", 15),
        ("017", 15),
        ("08", 8.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1.5e3", -1500.0),
        ("1e3", 1000.0),
        ("18446744073709551615", 18446744073709551615),
        ("12345678901234567890123", 1.2345678901234568e22),
        ("-9223372036854775809", -9.223372036854776e18),
    ],
)
def test_a_plain_scalar_is_what_json_has(text: str, value: Any) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes", "No", "on", "OFF", "y", "n", "2024-01-02", "2024-01-02T03:04:05Z", "2024-01-02 03:04:05", "190:20:30",
        "12:30", "2.1.0", "1.2.3", "0x", "0xfffffffffffffffff", "0b2", "0o8", "1e", "+", ".", "..", "--1", "1-2",
        "nan", "inf", "NaN", "Infinity", "tRue", "nULL", "=", "<", "_1", "1e+",
    ],
)  # fmt: skip
def test_other_plain_scalars_are_text(text: str) -> None:
    assert value_of(text) == text


@pytest.mark.parametrize("text", ["'yes'", '"1"', "'~'", "!!str 1", "! 1", "|-\n  1", ">-\n  1"])
def test_quoted_and_tagged_scalars_and_blocks_are_text(text: str) -> None:
    assert value_of(text) in ("1", "yes", "~")


@pytest.mark.parametrize("text", [".inf", "-.INF", "+.Inf", ".nan", ".NaN", "1e999", "-1e999", "9" * 400])
def test_numbers_that_json_has_not_are_refused(text: str) -> None:
    assert "JSON" in refusal(f"v: {text}")


@pytest.mark.parametrize(
    "text",
    [
        "!!int x",
        "!!bool 1",
        "!!null x",
        "!!float x",
        "!!binary eA==",
        "!!timestamp 2024-01-02",
        "!own x",
        "!!set {a}",
        "!!omap []",
    ],
)
def test_tags_that_do_not_fit_or_have_no_meaning_in_json_are_refused(text: str) -> None:
    assert "tag" in refusal(f"v: {text}")


@pytest.mark.parametrize("text", ["!!seq {}", "!!map []", "!!set {}", "!own {}", "!own []"])
def test_tags_of_other_collections_are_refused(text: str) -> None:
    assert "tag" in refusal(f"v: {text}")


def test_tags_that_fit_are_taken() -> None:
    [document] = read_documents(
        b"a: !!int '1'\nb: !!float 1\nc: !!bool 'true'\nd: !!null ''\ne: !!map {}\nf: !!seq []\n"
    )

    assert document == {"a": 1, "b": 1, "c": True, "d": None, "e": {}, "f": []}
    assert value_of("! {a: ! []}") == {"a": []}


def test_comments_anchors_blocks_line_ends_and_marks_are_read() -> None:
    [one, two] = read_documents(
        "\ufeff# c\r\na: &x [1, {b: c}] # c\r\nd: *x\r\n---\r\ne: |\r\n  one\r\n  ---\r\n  two\r\n".encode()
    )

    assert one == {"a": [1, {"b": "c"}], "d": [1, {"b": "c"}]}
    assert two == {"e": "one\n---\ntwo\n"}


def test_merge_keys_add_what_a_mapping_has_not_and_earlier_sources_win() -> None:
    [document] = read_documents(
        b"a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], x: 0}\nd: {<<: *b}\ne: {'<<': 1}\n"
    )

    assert document["c"] == {"x": 0, "y": 1, "z": 2}
    assert document["d"] == {"y": 2, "z": 2}
    assert document["e"] == {"<<": 1}


@pytest.mark.parametrize("text", ["<<: 1", "<<: [1]", "<<:", "a: &a {}\nb: {<<: *a, <<: *a}"])
def test_merge_keys_must_name_mappings_once(text: str) -> None:
    refusal(text)


def test_a_merge_key_is_plain_and_stands_for_a_key() -> None:
    [document] = read_documents(
        b"a: &a {x: 1}\nb: &m <<\nc: {*m : 1}\nd: {!!str <<: 1}\ne: [<<]\nf: {<<: *a, '<<': 1}\ng: {y: <<}\n"
    )

    assert document["c"] == document["d"] == {"<<": 1}
    assert document["e"] == ["<<"]
    assert document["f"] == {"x": 1, "<<": 1}
    assert document["g"] == {"y": "<<"}


def test_a_merge_does_not_change_what_is_merged() -> None:
    [document] = read_documents(b"a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: *a\n")

    assert document == {"a": {"x": 1}, "b": {"x": 1, "y": 2}, "c": {"x": 1}}


def test_a_quoted_key_and_a_merge_key_after_it_are_the_same_key() -> None:
    assert "twice" in refusal("a: &a {}\nb: {'<<': 1, <<: *a}")


@pytest.mark.parametrize(
    "text",
    ['{"a": 1, "a": 2}', '{"x": {"a": 1, "a": 1}}', "a: 1\n'a': 2", "x: [{a: 1, a: 1}]", "a: 1\na: 1", '{"a": 1, "\\u0061": 2}'],
)  # fmt: skip
def test_duplicate_keys_are_refused_at_any_depth(text: str) -> None:
    assert "twice" in refusal(text)


@pytest.mark.parametrize("text", ["1: a", "true: a", "null: a", "[a]: b", "{a: b}: c", "? {a}\n: b"])
def test_keys_that_are_no_text_are_refused(text: str) -> None:
    assert "key" in refusal(text)


@pytest.mark.parametrize("text", ["1", "[]", "a: b\n---\n[]", "--- text\n...\n---\na: b"])
def test_every_document_is_a_mapping(text: str) -> None:
    assert "mapping" in refusal(text)


def test_empty_documents_are_left_out() -> None:
    assert read_documents(b"") == read_documents(b"---\n---\n# nothing\n") == []
    assert read_documents(b"---\n---\na: b\n---\n~\n") == [{"a": "b"}]


def test_an_alias_stands_for_the_value_that_had_its_anchor_last() -> None:
    [document] = read_documents(b"a: &x 1\nb: *x\nc: &x [2]\nd: *x\n&k e: *k\nf: *k\n")

    assert document == {"a": 1, "b": 1, "c": [2], "d": [2], "e": "e", "f": "e"}


def test_an_alias_is_a_key_when_it_stands_for_text() -> None:
    assert read_documents(b"a: &x text\n*x : 1\n") == [{"a": "text", "text": 1}]
    assert "key" in refusal("a: &x [1]\n*x : 1")
    assert "twice" in refusal("a: &x a\n*x : 1")


@pytest.mark.parametrize(
    "text", ["a: *b", "a: &a {b: *a}", "a: &a []\nb: &a [*a]", "a: &a 1\nb: &a {c: *a}", "a: &a []\n---\nb: *a"]
)
def test_an_alias_stands_for_a_finished_value_of_its_document(text: str) -> None:
    assert "alias" in refusal(text)


def test_text_in_utf_16_with_its_mark_is_read_and_other_encodings_are_refused() -> None:
    assert read_documents("a: ü".encode("utf-16")) == [{"a": "ü"}]
    with pytest.raises(UnreadableText, match="UTF-8"):
        read_documents("a: ü".encode("latin-1"))


def test_what_is_not_yaml_is_refused_with_its_line() -> None:
    assert "line 3" in refusal("a: b\nc: [\n")
    assert "characters" in refusal("a: \x07")


def test_json_is_read_with_surrogate_pairs_tabs_and_long_keys() -> None:
    text = '{\t"' + "k" * 2000 + '": "\\ud83d\\ude00",\n\t"b": [1.0, -0.5e1, true, null]}'

    assert read_documents(text.encode()) == [{"k" * 2000: "😀", "b": [1.0, -5.0, True, None]}]


JSON_TEXT = st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | JSON_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(JSON_TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(JSON_TEXT, JSON, max_size=5))
def test_json_means_the_same_read_as_json_and_as_yaml(document: dict[str, Any]) -> None:
    text = json.dumps(document, indent=1)

    assert read_documents(text.encode()) == [document]
    assert read_documents(f"# a comment, so it is no JSON\n{text}".encode()) == [document]


def laughs(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        laughs(12),
        "a: &a {" + ", ".join(f"k{n}: v" for n in range(1000)) + "}\nb: [" + "{<<: *a}, " * 2000 + "]",
        "a: &a '" + "x" * 1_000_000 + "'\nb: [" + "*a, " * 1000 + "]",
        "a0: &a0 []\n" + "\n".join(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 1000)),
    ],
    ids=["aliases", "merges", "long text", "depth by aliases"],
)
def test_what_expands_too_much_is_refused_before_it_is_built(text: str) -> None:
    data = text.encode()
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableText, match="more than"):
            read_documents(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 16 * 1024 * 1024


@pytest.mark.parametrize(
    "text",
    ["v: [" + "a, " * NODES_MAX + "]", "---\n" * (NODES_MAX + 1), '{"v": [' + "[]," * NODES_MAX + "1]}"],
    ids=["values", "documents", "JSON"],
)
def test_keys_and_values_end_at_the_limit(text: str) -> None:
    assert "more than" in refusal(text)


def test_aliases_within_the_limit_are_expanded() -> None:
    [document] = read_documents(laughs(4).encode())

    assert document["a3"][9][9][9] == ["x"] * 10


def test_nesting_ends_at_the_limit() -> None:
    assert read_documents(("v: " + "[" * (DEPTH_MAX - 1) + "]" * (DEPTH_MAX - 1)).encode())
    assert "nested" in refusal("v: " + "[" * DEPTH_MAX + "]" * DEPTH_MAX)


def test_nesting_by_an_alias_ends_at_the_limit() -> None:
    [document] = read_documents(f"a: &a [[]]\nb: {'[' * (DEPTH_MAX - 3)}*a{']' * (DEPTH_MAX - 3)}".encode())

    assert document["a"] == [[]]
    assert "nested" in refusal(f"a: &a [[]]\nb: {'[' * (DEPTH_MAX - 2)}*a{']' * (DEPTH_MAX - 2)}")


def test_a_tally_ends_at_its_limits() -> None:
    for nodes, characters in ((1, 0), (0, 1)):
        tally = Tally()
        tally.add(NODES_MAX, CHARACTERS_MAX)

        with pytest.raises(UnreadableText, match="more than"):
            tally.add(nodes, characters)


def test_directives_without_end_are_refused_in_no_time() -> None:
    text = "".join(f"%TAG !a{n}! x\n" for n in range(200_000)) + "--- {}"
    began = time.monotonic()

    assert "directives" in refusal(text)
    assert time.monotonic() - began < 5
