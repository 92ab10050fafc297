"""Enums in stored JSON: written by name, read from names and numbers."""

from collections.abc import Mapping
from enum import IntEnum

from storage.model import IOType, PodType, RunState, TaskState


class EnumNames:
    """The names of one enum's numbers."""

    __slots__ = ("names", "numbers")

    def __init__(self, enum: type[IntEnum]) -> None:
        self.numbers: Mapping[str, int] = {member.name: member.value for member in enum}
        self.names: Mapping[int, str] = {member.value: member.name for member in enum}

    def name_of(self, number: int) -> str | int:
        """Return the name of a number; the number itself when the enum does not have it."""
        return self.names.get(number, number)

    def number_of(self, stored: object) -> int:
        """Return the number of a stored enum; an unknown name is 0, an unknown int32 is kept."""
        if isinstance(stored, str):
            return self.numbers.get(stored, 0)
        return int(stored) if isinstance(stored, int) and -(2**31) <= stored < 2**31 else 0


IO_TYPES = EnumNames(IOType)
POD_TYPES = EnumNames(PodType)
RUN_STATES = EnumNames(RunState)
TASK_STATES = EnumNames(TaskState)
