"""The columns tasks.state_history and runs.state_history: [{"updateTime", "state", "error"}], oldest first."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from storage.documents.enums import EnumNames
from storage.documents.plain import Plain, compact, entries_of
from storage.documents.times import moment_of, time_text


class HistoryEntry(NamedTuple):
    """A change to a state, at a moment in microseconds; `error` is a google.rpc.Status in protobuf's JSON form."""

    state: int = 0
    update_time: int | None = None
    error: dict[str, Plain] | None = None

    @classmethod
    def from_plain(cls, entry: dict[str, Any], states: EnumNames) -> "HistoryEntry":
        """Return a stored entry."""
        error = entry.get("error")
        return cls(
            states.number_of(entry.get("state")),
            moment_of(entry.get("updateTime")),
            error if isinstance(error, dict) else None,
        )

    def plain(self, states: EnumNames) -> dict[str, Plain]:
        """Return the entry as it is stored."""
        plain: dict[str, Plain] = {}
        if self.update_time is not None:
            plain["updateTime"] = time_text(self.update_time)
        if self.state:
            plain["state"] = states.name_of(self.state)
        if self.error is not None:
            plain["error"] = self.error
        return plain

    @staticmethod
    def label(entry: Mapping[str, Any]) -> str:
        """Return the label of a stored entry: its state, "" without one."""
        return str(entry.get("state") or "")


def from_text(text: str | None, states: EnumNames) -> Iterator[HistoryEntry]:
    """Yield the entries of a column."""
    return (HistoryEntry.from_plain(entry, states) for entry in entries_of(text))


def to_text(entries: Iterable[HistoryEntry], states: EnumNames) -> str:
    """Return the text of a column."""
    return compact([entry.plain(states) for entry in entries])


def append(text: str | None, state: int, *, now: int, states: EnumNames) -> str | None:
    """Return a column with {now, state} appended; the same text when the state is 0 or that of the last entry."""
    entries = entries_of(text)
    if not state or (entries and states.number_of(entries[-1].get("state")) == state):
        return text
    return compact([*entries, HistoryEntry(state, now).plain(states)])
