"""The filters of lists as pages have them in their addresses, and the Filter texts that calls of KFP's API take for them."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from server.rules.search.times import moment_of
from server.ui.filters import microseconds
from server.ui.visit import Visit, refused

Predicate = dict[str, Any]
"""One comparison, as Filter's JSON has it."""

AGES = (("1h", "last hour"), ("24h", "last 24 hours"), ("7d", "last 7 days"), ("30d", "last 30 days"))
"""Ages that lists offer, with their names."""

NAMES_MAX = 100
"""How many experiments, or pipelines, a list offers to choose from."""


def equals(key: str, text: str) -> Predicate:
    """Return the comparison that a text, or an enum's name, is this one."""
    return {"key": key, "operation": "EQUALS", "string_value": text}


def contains(key: str, text: str) -> Predicate:
    """Return the comparison that a text has this one in it."""
    return {"key": key, "operation": "IS_SUBSTRING", "string_value": text}


def one_of(key: str, texts: Sequence[str]) -> Predicate:
    """Return the comparison that a text is one of these."""
    return {"key": key, "operation": "IN", "string_values": {"values": list(texts)}}


def not_before(key: str, moment: datetime) -> Predicate:
    """Return the comparison that a time is this one or later."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
    return {"key": key, "operation": "GREATER_THAN_EQUALS", "timestamp_value": text}


def filter_text(predicates: Iterable[Predicate]) -> str:
    """Return the text of a filter, "" for one without comparisons."""
    listed = list(predicates)
    return json.dumps({"predicates": listed}) if listed else ""


def since_of(visit: Visit, name: str) -> datetime | None:
    """Return the time that a parameter of the query names: an age (24h, 7d), a date, or a time; None if it is absent.

    Raises Refused if it is none of these.
    """
    text = visit.text(name)
    if not text:
        return None
    moment = moment_of(text, now=microseconds(visit.now), is_end=False)
    try:
        when = None if moment is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    except OverflowError:
        when = None
    if when is None:
        raise refused(f"{name} is not a time: it may be an age as 24h or 7d, or a date as 2026-03-01")
    return when
