"""Histories of states, of tasks and of runs: messages ⇄ documents. The modules of the codec call this."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status

from server.rules.unusable import UnusableValue, check_enum
from server.well_known.times import microseconds, set_time
from storage.documents import histories
from storage.documents.enums import EnumNames
from storage.documents.histories import HistoryEntry
from storage.documents.plain import text_of


def entries_from_request(messages: Iterable[Any], field: str, states: frozenset[int]) -> list[HistoryEntry]:
    """Return the entries of a request. Raises UnusableValue for a value that cannot be stored."""
    return [_entry(message, f"{field}[{index}]", states) for index, message in enumerate(messages)]


def add_history(target: Any, text: str | None, states: EnumNames) -> None:
    """Write a stored history into a repeated field of TaskStatus or RuntimeStatus."""
    for entry in histories.from_text(text, states):
        status = target.add()
        if entry.update_time is not None:
            set_time(status.update_time, entry.update_time)
        status.state = entry.state
        if entry.error is not None:
            status.error.CopyFrom(error_message(entry.error))


def _entry(message: Any, field: str, states: frozenset[int]) -> HistoryEntry:
    check_enum(f"{field}.state", message.state, states)
    return HistoryEntry(
        message.state,
        microseconds(message.update_time, f"{field}.update_time") if message.HasField("update_time") else None,
        _plain_error(message.error, field) if message.HasField("error") else None,
    )


def _plain_error(error: Status, field: str) -> dict[str, Any]:
    # Rare and open-ended (its details are of any type), so protobuf's own converter does it.
    try:
        return json_format.MessageToDict(error)
    except (json_format.Error, DecodeError, TypeError, ValueError) as reason:
        raise UnusableValue(f"{field}.error has details that cannot be written as JSON") from reason


def error_message(error: dict[str, Any]) -> Status:
    """Return the error of a stored entry."""
    try:
        return json_format.ParseDict(error, Status(), ignore_unknown_fields=True)
    except (json_format.Error, TypeError, ValueError):
        # Details of a type that this server does not know: code and message are still worth showing.
        code = error.get("code")
        return Status(
            code=code if isinstance(code, int) and -(2**31) <= code < 2**31 else 0,
            message=text_of(error.get("message")),
        )
