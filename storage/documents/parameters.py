"""The columns tasks.input_parameters and tasks.output_parameters, and producers, which links have too.

[{"value", "type", "parameterKey", "producer": {"taskName", "iteration"}}]
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from json.encoder import encode_basestring as quoted
from typing import Any, Final, NamedTuple

from storage.documents import typed
from storage.documents.enums import IO_TYPES
from storage.documents.plain import (
    Plain,
    canonical_text,
    compact,
    entries_of,
    exact_entries_of,
    integer_of,
    object_of,
)
from storage.model import IOType


class Absence(Enum):
    """The absence of a value, which differs from null."""

    NO_VALUE = "no value"


NO_VALUE: Final = Absence.NO_VALUE

_TYPE_NUMBERS = IO_TYPES.numbers
_TYPE_NAMES = IO_TYPES.names
_DISTINCT_BY_VALUE = {
    IOType.COLLECTED_INPUTS,
    IOType.ITERATOR_INPUT,
    IOType.ITERATOR_INPUT_RAW,
    IOType.ITERATOR_OUTPUT,
}


class Producer(NamedTuple):
    """The task that a parameter or an artifact comes from, and its iteration if it has one."""

    task_name: str = ""
    iteration: int | None = None

    @classmethod
    def from_plain(cls, plain: object) -> "Producer | None":
        """Return the producer in a stored value, None when it is not an object."""
        if plain.__class__ is not dict:
            return None
        task_name, iteration = plain.get("taskName"), plain.get("iteration")
        return cls(
            task_name if task_name.__class__ is str else "",
            None if iteration is None else integer_of(iteration),
        )

    @classmethod
    def from_text(cls, text: str | None) -> "Producer | None":
        """Return the producer stored in a link, None when there is none."""
        return cls.from_plain(object_of(text))

    def plain(self) -> dict[str, Plain]:
        """Return the producer as it is stored."""
        plain: dict[str, Plain] = {}
        if self.task_name:
            plain["taskName"] = self.task_name
        if self.iteration is not None:
            plain["iteration"] = str(self.iteration)
        return plain

    def to_text(self) -> str:
        """Return the text to store in a link: that of `plain`, in a quarter of the time."""
        fields = []
        if self.task_name:
            fields.append(f'"taskName":{quoted(self.task_name)}')
        if self.iteration is not None:
            fields.append(f'"iteration":"{self.iteration}"')
        return f"{{{','.join(fields)}}}"


class Parameter(NamedTuple):
    """An input or output of a task; `type` is a number of IOType."""

    key: str = ""
    type: int = 0
    value: Plain | Absence = NO_VALUE
    producer: Producer | None = None

    @classmethod
    def from_plain(cls, entry: dict[str, Any]) -> "Parameter":
        """Return the parameter of a stored entry."""
        # A run can have thousands of these: comparing classes here costs a third of calling `text_of`.
        get = entry.get
        key, type, producer = get("parameterKey"), get("type"), get("producer")
        return cls(
            key if key.__class__ is str else "",
            _TYPE_NUMBERS.get(type, 0) if type.__class__ is str else IO_TYPES.number_of(type),
            entry.get("value", NO_VALUE),
            Producer.from_plain(producer) if producer.__class__ is dict else None,
        )

    def plain(self) -> dict[str, Plain]:
        """Return the parameter as it is stored."""
        plain: dict[str, Plain] = {}
        if self.value is not NO_VALUE:
            plain["value"] = self.value
        if self.type:
            plain["type"] = _TYPE_NAMES.get(self.type, self.type)
        if self.key:
            plain["parameterKey"] = self.key
        if self.producer is not None:
            plain["producer"] = self.producer.plain()
        return plain

    def to_text(self) -> str:
        """Return the text of the entry: that of `plain`, in a third of the time."""
        fields = []
        if self.value is not NO_VALUE:
            value = self.value
            fields.append(f'"value":{quoted(value) if value.__class__ is str else compact(value)}')
        if self.type:
            fields.append(f'"type":{quoted(_TYPE_NAMES[self.type]) if self.type in _TYPE_NAMES else self.type}')
        if self.key:
            fields.append(f'"parameterKey":{quoted(self.key)}')
        if self.producer is not None:
            fields.append(f'"producer":{self.producer.to_text()}')
        return f"{{{','.join(fields)}}}"

    @staticmethod
    def label(entry: Mapping[str, Any]) -> str:
        """Return the label of a stored entry: its key, otherwise its type; "" without either."""
        return str(entry.get("parameterKey") or entry.get("type") or "")

    def identity(self) -> Hashable:
        """Return what identifies a parameter: type, key, producing task and iteration.

        Entries of an iterator without an iteration differ only in their value, so their identity includes it.
        """
        task_name, iteration = None, None
        if self.producer is not None:
            task_name, iteration = self.producer.task_name, self.producer.iteration
        value = None
        if iteration is None and self.type in _DISTINCT_BY_VALUE and self.value is not NO_VALUE:
            value = canonical_text(self.value)
        return self.type, self.key, task_name, iteration, value


def from_text(text: str | None) -> Iterator[Parameter]:
    """Yield the parameters of a column."""
    return map(Parameter.from_plain, entries_of(text))


_decode = typed.lists_of(
    typed.shape(
        "Parameter",
        ("value", "value", Any, NO_VALUE),
        ("type", "type", str | int, 0),
        ("key", "parameterKey", str, ""),
        (
            "producer",
            "producer",
            typed.shape(
                "Producer", ("task_name", "taskName", str, ""), ("iteration", "iteration", str | int | None, None)
            )
            | None,
            None,
        ),
    )
)


def read_from_text(text: str) -> Iterable[Any]:
    """Return the parameters of a column, with types and iterations as they are stored, in a quarter of the time."""
    try:
        return _decode(text)  # type: ignore[no-any-return]
    except typed.REFUSED:
        return from_text(text)


def to_text(parameters: Iterable[Parameter]) -> str | None:
    """Return the text of a column, duplicates included; None when there are no parameters."""
    entries = [parameter.to_text() for parameter in parameters]
    return f"[{','.join(entries)}]" if entries else None


def merge(text: str | None, update: Sequence[Parameter]) -> str | None:
    """Return a column after an update: an existing parameter is replaced in its place, others are appended.

    An empty update changes nothing; any other also removes all but the last of stored duplicates. Entries that are not
    replaced keep fields that this version does not have.
    """
    if not update:
        return text
    # What clients send of a task is mostly what it has.
    if to_text(update) == text and len({parameter.identity() for parameter in update}) == len(update):
        return text
    entries = {Parameter.from_plain(entry).identity(): entry for entry in exact_entries_of(text)}
    for parameter in update:
        entries[parameter.identity()] = parameter.plain()
    return compact(list(entries.values()))
