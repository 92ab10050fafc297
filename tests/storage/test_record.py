"""Records are what frozen dataclasses with slots are, but that nothing looks for assignments at run time."""

import copy
import dataclasses
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
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


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the classes that the standard library makes dataclasses from now on."""
    names: list[str] = []
    make = dataclasses.dataclass

    def noted(**options: bool) -> Any:
        def decorated(cls: type) -> type:
            names.append(cls.__name__)
            return make(**options)(cls)  # type: ignore[call-overload,no-any-return]

        return decorated

    monkeypatch.setattr(dataclasses, "dataclass", noted)
    return names


def new_record() -> Any:
    @record
    class New:
        """A record that nobody has used yet."""

        x: int
        y: int = 2

    return New


def test_a_class_costs_nothing_until_its_first_instance(made: list[str]) -> None:
    new = new_record()
    assert made == []
    assert [(each.x, each.y) for each in (new(1), new(3, 4))] == [(1, 2), (3, 4)]
    assert made == ["New"]


def test_the_fields_of_a_record_without_instances_can_be_asked_for(made: list[str]) -> None:
    assert [(each.name, each.default) for each in fields(new_record())][1] == ("y", 2)
    assert dataclasses.is_dataclass(new_record())
    assert new_record().__match_args__ == ("x", "y")
    assert len(made) == 2


def test_an_instance_that_was_unpickled_first_is_as_all_others() -> None:
    new = new_record()
    one, other = new.__new__(new), new.__new__(new)
    for each in (one, other):
        each.x, each.y = 1, 2
    assert one == other == new(1)
    assert hash(one) == hash(new(1))
    assert repr(one).endswith("New(x=1, y=2)")


def test_the_first_instances_may_be_made_by_many_threads() -> None:
    for _ in range(50):
        new, begin = new_record(), threading.Barrier(4)

        def first(new: Any = new, begin: threading.Barrier = begin) -> Any:
            begin.wait()
            return new(1)

        with ThreadPoolExecutor(4) as threads:
            instances = [each.result() for each in [threads.submit(first) for _ in range(4)]]
        assert set(instances) == {new(1)}
