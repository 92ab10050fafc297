"""A property's value is read from whichever column holds it, whatever the database let into it."""

import pytest

from migrations.mlmd.vocabulary.findings import Findings, Rule
from migrations.mlmd.vocabulary.rows import PropertyRow
from migrations.mlmd.vocabulary.values import cut, decode_properties, integer_of, unwrapped
from tests.mlmd.builders import a_struct, counts


@pytest.mark.parametrize(
    ("row", "value"),
    [
        (PropertyRow("p", True, integer=3), 3),
        (PropertyRow("p", True, double=0.5), 0.5),
        (PropertyRow("p", True, text="tráin"), "tráin"),
        (PropertyRow("p", True, text=""), ""),
        (PropertyRow("p", True, boolean=0), False),
        (PropertyRow("p", True, boolean=True), True),
        (PropertyRow("p", True, bytes=b"\x00\xff"), "AP8="),
        (PropertyRow("p", True, proto="Ci50"), "Ci50"),
        (PropertyRow("p", True, proto=b"\x0a"), "Cg=="),
        (PropertyRow("p", True, proto=b"Ci50"), "Ci50"),
        (PropertyRow("p", True, integer="12"), 12.0),
        (PropertyRow("p", True, integer="twelve"), "twelve"),
        (PropertyRow("p", True, integer=True), 1),
        (PropertyRow("p", True, text=b"raw"), "raw"),
        (PropertyRow("p", True, text=a_struct({"list": [1, None]})), {"list": [1.0, None]}),
    ],
)
def test_a_value_is_read_from_its_column(row: PropertyRow, value: object) -> None:
    decoded = decode_properties([row], Findings(), "execution 1")
    assert decoded.custom == {"p": value}
    assert type(decoded.custom["p"]) is type(value)


def test_a_property_with_null_in_every_column_is_left_out_and_counted() -> None:
    findings = Findings()
    decoded = decode_properties([PropertyRow("p", False), PropertyRow("q", False, integer=1)], findings, "artifact 1")
    assert (decoded.standard, decoded.custom) == ({"q": 1}, {})
    assert counts(findings) == {Rule.VALUES_NULL: 1}


def test_a_users_text_that_looks_like_a_structure_stays_text() -> None:
    findings = Findings()
    decoded = decode_properties([PropertyRow("p", True, text="mlmd-struct::mine")], findings, "artifact 1")
    assert decoded.custom == {"p": "mlmd-struct::mine"}
    assert counts(findings) == {Rule.STRUCTS_UNDECODABLE: 1}


@pytest.mark.parametrize(
    ("value", "inner"),
    [
        ({"list": [1]}, [1]),
        ({"struct": {"a": 1}}, {"a": 1}),
        ({"list": 1}, {"list": 1}),
        ({"struct": [1]}, {"struct": [1]}),
        ({"list": [1], "more": 2}, {"list": [1], "more": 2}),
        ("text", "text"),
    ],
)
def test_lists_and_objects_are_unwrapped(value: object, inner: object) -> None:
    assert unwrapped(value) == inner  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "number"), [(3, 3), ("3", 3), (3.0, 3), ("x", None), (None, None), (2**63, None), (float("nan"), None)]
)
def test_whole_numbers_are_read_whatever_spells_them(raw: object, number: int | None) -> None:
    assert integer_of(raw) == number


def test_a_text_is_cut_to_the_characters_that_its_column_takes() -> None:
    findings = Findings()
    assert cut("ä" * 5, 5, findings, "task") == "ä" * 5
    assert counts(findings) == {}
    assert cut("ä" * 6, 5, findings, "task") == "ä" * 5
    assert counts(findings) == {Rule.TEXTS_CUT: 1}
