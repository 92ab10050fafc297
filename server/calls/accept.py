"""Chooses the content type that a caller prefers, by its Accept header (RFC 9110, 12.5.1). HttpCall calls this."""

from collections.abc import Sequence

_PARTS_MAX = 50
"""Maximum number of media ranges that are read; browsers send ten at most."""


def preferred(header: str, content_types: Sequence[str]) -> str | None:
    """Return the content type with the greatest weight, the first if several have it; None if the header accepts none.

    A header that is empty or malformed accepts everything, as does a missing one.
    """
    ranges = [media for part in header.split(",")[:_PARTS_MAX] if (media := _media_range(part)) is not None]
    if not ranges:
        return content_types[0]
    weights = [_weight(content_type, ranges) for content_type in content_types]
    best = max(weights)
    return content_types[weights.index(best)] if best > 0 else None


def _media_range(text: str) -> tuple[str, float] | None:
    """Return a media range without parameters, and its weight; None if the text is not a media range."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    if name.count("/") != 1:
        return None
    weight = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip() == "q":
            try:
                weight = float(value)
            except ValueError:
                return None
    return name, weight if 0.0 <= weight <= 1.0 else 0.0


def _weight(content_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that a content type is in, 0 if it is in none."""
    kind = content_type.partition(";")[0].strip().lower()
    for name in (kind, f"{kind.partition('/')[0]}/*", "*/*"):
        weights = [weight for range_name, weight in ranges if range_name == name]
        if weights:
            return max(weights)
    return 0.0
