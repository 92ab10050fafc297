"""Records are what frozen dataclasses with slots are, but that nothing looks for assignments at run time."""

import copy
import pickle
from dataclasses import dataclass, field, fields, replace
from typing import Any

import pytest

from storage.record import record


@record
class Point:
    """A record."""

    x: int
    y: float = 0.5
    names: tuple[str, ...] = ()
    note: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class FrozenPoint:
    """The same as a dataclass."""

    x: int
    y: float = 0.5
    names: tuple[str, ...] = ()
    note: Any = field(default=None, compare=False, repr=False)


@record
class Empty:
    """A record without fields."""


@record
class Single:
    """A record with one field."""

    value: float


@record
class Counted:
    """A record of which only a part is hashed."""

    key: str
    counts: dict[str, int] = field(default_factory=dict, hash=False)


@record
class OwnHash:
    """A record that says itself what equals it."""

    value: int

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnHash) and self.value % 2 == other.value % 2

    def __hash__(self) -> int:
        return self.value % 2


VALUES: list[dict[str, Any]] = [{"x": 1}, {"x": 1, "note": "n"}, {"x": 2, "names": ("a",)}, {"x": 1, "y": float("nan")}]


@pytest.mark.parametrize("one", VALUES)
@pytest.mark.parametrize("other", VALUES)
def test_records_are_equal_and_shown_as_dataclasses_are(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (Point(**one) == Point(**other)) == (FrozenPoint(**one) == FrozenPoint(**other))
    assert repr(Point(**one)) == repr(FrozenPoint(**one)).removeprefix("Frozen")
    assert (hash(Point(**one)) == hash(Point(**other))) == (hash(FrozenPoint(**one)) == hash(FrozenPoint(**other)))


def test_a_record_equals_no_record_of_another_class() -> None:
    assert (Point(1) == FrozenPoint(1), Empty() == Empty(), Empty() == Single(1.0)) == (False, True, False)
    assert {Empty(), Empty()} == {Empty()}


def test_a_record_with_one_field_equals_itself_whatever_is_in_it() -> None:
    value = float("nan")
    assert Single(value) == Single(value)
    assert hash(Single(1.0)) == hash((1.0,))


def test_fields_are_left_out_of_the_hash_that_say_so() -> None:
    assert hash(Counted("a", {"x": 1})) == hash(Counted("a"))
    assert Counted("a", {"x": 1}) != Counted("a")


def test_methods_of_the_class_are_kept() -> None:
    assert OwnHash(1) == OwnHash(3)
    assert hash(OwnHash(1)) == hash(OwnHash(3))


def test_records_are_copied_pickled_and_replaced() -> None:
    point = Point(1, names=("a",), note="n")
    for again in (copy.copy(point), copy.deepcopy(point), pickle.loads(pickle.dumps(point)), replace(point, x=1)):
        assert (again, again.note) == (point, "n")
    assert [each.name for each in fields(Point)] == ["x", "y", "names", "note"]


def test_records_have_slots_and_take_no_other_attributes() -> None:
    assert not hasattr(Point(1), "__dict__")
    with pytest.raises(AttributeError):
        Point(1).z = 1  # type: ignore[attr-defined]
