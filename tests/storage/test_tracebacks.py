"""An error that was dealt with holds nothing of the calls that it went through."""

import gc
import traceback
import weakref
from collections.abc import Iterator

import pytest

from storage.tracebacks import release


class Value:
    """Something that a call holds."""


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def fail(values: list[weakref.ref[Value]], *, cause: Exception | None = None) -> None:
    """Raise an error that is in a cycle with this call."""
    value = Value()
    values.append(weakref.ref(value))
    try:
        raise LookupError("not here") from cause
    except LookupError as error:
        variable = error  # noqa: F841 - the traceback holds this call, and the call the error
        raise


def test_what_an_error_in_a_cycle_holds_is_let_go() -> None:
    values: list[weakref.ref[Value]] = []
    try:
        fail(values)
    except LookupError as error:
        release(error)
    assert values[0]() is None


@pytest.mark.parametrize("is_cause", [True, False])
def test_what_the_errors_before_it_hold_is_let_go_too(is_cause: bool) -> None:
    values: list[weakref.ref[Value]] = []
    try:
        try:
            fail(values)
        except LookupError as first:
            fail(values, cause=first if is_cause else None)
    except LookupError as error:
        release(error)
    assert [value() for value in values] == [None, None]


def test_a_traceback_can_still_be_printed() -> None:
    with pytest.raises(LookupError) as caught:
        fail([])
    release(caught.value)
    assert "in fail\n" in "".join(traceback.format_exception(caught.value))


def test_errors_that_name_each_other_as_causes_are_gone_through_once() -> None:
    first, second = LookupError(), LookupError()
    first.__cause__, second.__cause__ = second, first
    release(first)
