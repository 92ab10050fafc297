"""The columns tasks.state_history and runs.state_history: [{"updateTime", "state", "error"}], oldest first."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from storage.documents import typed
from storage.documents.enums import EnumNames
from storage.documents.plain import Plain, compact, entries_of, text_of
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

    @property
    def message(self) -> str:
        """What the error says, "" without one."""
        return text_of((self.error or {}).get("message"))

    @staticmethod
    def label(entry: Mapping[str, Any]) -> str:
        """Return the label of a stored entry: its state, "" without one."""
        return str(entry.get("state") or "")


def from_text(text: str | None, states: EnumNames) -> Iterator[HistoryEntry]:
    """Yield the entries of a column."""
    return (HistoryEntry.from_plain(entry, states) for entry in entries_of(text))


_decode = typed.lists_of(
    typed.shape(
        "HistoryEntry",
        ("state", "state", str | int, 0),
        ("update_time", "updateTime", str | None, None),
        ("error", "error", dict[str, Any] | None, None),
    )
)


def read_from_text(text: str, states: EnumNames) -> Iterable[tuple[int, int | None, dict[str, Plain] | None]]:
    """Return what the entries of a column have, in half of the time."""
    try:
        entries = _decode(text)
    except typed.REFUSED:
        return from_text(text, states)
    return [(states.number_of(each.state), moment_of(each.update_time), each.error) for each in entries]


def to_text(entries: Iterable[HistoryEntry], states: EnumNames) -> str:
    """Return the text of a column."""
    return compact([entry.plain(states) for entry in entries])


def last_moment(text: str | None) -> int | None:
    """Return when the last entry of a column was made, None without entries or without a time."""
    entries = entries_of(text)
    return moment_of(entries[-1].get("updateTime")) if entries else None


def not_before(text: str | None, now: int) -> int:
    """Return now, or the moment of a column's last entry if that is later: clocks step, and those of two hosts differ."""
    last = last_moment(text)
    return now if last is None else max(now, last)


def entry_text(entry: HistoryEntry, states: EnumNames) -> str:
    """Return an entry as it stands in the text of a column."""
    return compact(entry.plain(states))


def append(text: str | None, new: HistoryEntry, *, states: EnumNames) -> str | None:
    """Return a column with an entry at its end, made no earlier than the one before it.

    It is the same text when the state is 0 or that of the last entry.
    """
    entries = entries_of(text)
    if not new.state or (entries and states.number_of(entries[-1].get("state")) == new.state):
        return text
    last = moment_of(entries[-1].get("updateTime")) if entries else None
    if last is not None and new.update_time is not None:
        new = new._replace(update_time=max(new.update_time, last))
    return compact([*entries, new.plain(states)])
