"""Histories of states, of tasks and of runs: [{"updateTime", "state", "error"}], oldest first.

The modules of the codec call this; `append_state` is where a history grows.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from server.codec.json_columns import column_text, enum_name, enum_of, json_list, text_of
from server.codec.times import microseconds, set_time, time_of_text
from server.codec.unusable import UnusableValue
from storage.stored_json import time_text


def plain_history(history: Iterable[Any], field: str, *, names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return entries of a request as plain JSON. Raises UnusableValue for what cannot be kept."""
    return [_plain_entry(entry, f"{field}[{index}]", names=names) for index, entry in enumerate(history)]


def history_text(history: list[dict[str, Any]], field: str) -> str | None:
    """Return the text of a history, None for an empty one. Raises UnusableValue for what cannot be kept."""
    return column_text(history, field) if history else None


def append_state(
    history: list[dict[str, Any]], state: int, *, now: int, names: Mapping[int, str], numbers: Mapping[str, int]
) -> list[dict[str, Any]]:
    """Return the history with {now, state} at its end, unless the state is 0 or that of the last entry."""
    if not state or (history and enum_of(history[-1].get("state"), numbers) == state):
        return history
    return [*history, {"updateTime": time_text(now), "state": names.get(state, state)}]


def add_history(target: Any, text: str | None, *, numbers: Mapping[str, int]) -> None:
    """Write a stored history into a repeated field of TaskStatus or RuntimeStatus."""
    for entry in json_list(text):
        status = target.add()
        moment = time_of_text(entry.get("updateTime"))
        if moment is not None:
            set_time(status.update_time, moment)
        status.state = enum_of(entry.get("state"), numbers)
        if isinstance(entry.get("error"), dict):
            _set_error(status.error, entry["error"])


def _plain_entry(entry: Any, field: str, *, names: Mapping[int, str]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    if entry.HasField("update_time"):
        plain["updateTime"] = time_text(microseconds(entry.update_time, f"{field}.update_time"))
    if entry.state:
        plain["state"] = enum_name(entry.state, names, field=f"{field}.state")
    if entry.HasField("error"):
        # Rare and open-ended (its details are of any type), so protobuf's own converter does it.
        try:
            plain["error"] = json_format.MessageToDict(entry.error)
        except (json_format.Error, DecodeError, TypeError, ValueError) as reason:
            raise UnusableValue(f"{field}.error has details that cannot be written as JSON") from reason
    return plain


def _set_error(target: Status, error: dict[str, Any]) -> None:
    target.SetInParent()
    try:
        target.CopyFrom(json_format.ParseDict(error, Status(), ignore_unknown_fields=True))
    except (json_format.Error, TypeError, ValueError):
        # Details of a type that this server does not know: code and message are still worth showing.
        target.Clear()
        target.SetInParent()
        target.code = enum_of(error.get("code"), {})
        target.message = text_of(error.get("message"))
