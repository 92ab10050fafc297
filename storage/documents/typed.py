"""JSON decoded by msgspec, into objects where its shape is known: in a fraction of the time that the standard library takes.

It refuses what the standard library reads otherwise (NaN, halves of surrogate pairs, text that follows), and what is not of the
shape, as columns that another program has written may be. Callers then read it with the standard library, value by value.
"""

from collections.abc import Callable
from typing import Any

try:
    import msgspec
except ImportError:  # it has no wheel here; everything is read by the standard library
    msgspec = None  # type: ignore[assignment]


def _refuse(_: str) -> Any:
    raise ValueError("there is no other decoder")


REFUSED = (ValueError, RecursionError)
"""What decoders raise for a text that they do not read."""

decode: Callable[[str], Any] = _refuse if msgspec is None else msgspec.json.Decoder().decode
"""Returns any JSON as the standard library does. Raises REFUSED."""


def shape(name: str, *fields: tuple[str, str, Any, Any]) -> Any:
    """Return the class of objects with some fields, each its attribute, its name in JSON, its type and its default."""
    if msgspec is None:
        return object
    members = [(each, type_, msgspec.field(name=stored, default=default)) for each, stored, type_, default in fields]
    return msgspec.defstruct(name, members, gc=False)


def lists_of(shape_: Any) -> Callable[[str], Any]:
    """Return what decodes a list of objects of a shape; it raises REFUSED."""
    return _refuse if msgspec is None else msgspec.json.Decoder(list[shape_]).decode
