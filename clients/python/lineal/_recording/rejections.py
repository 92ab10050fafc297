"""What the server has refused for good: told once, kept in a file that people can read, counted."""

import json
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from lineal import errors
from lineal._recording.caller import logger
from lineal._recording.counters import Rejection, Tally

KEPT_MAX = 1000
"""How many rejections are kept in memory; all of them are in the file."""

WARNINGS_MAX = 10
"""How many rejections are told one by one."""


class Rejections:
    """The rejections of one recording, or of one `lineal sync`. Safe to use from several threads."""

    def __init__(self, folder: Path | None, tally: Tally) -> None:
        self._folder, self._tally = folder, tally
        self._lock = threading.Lock()
        self._kept: list[Rejection] = []
        self._errors: OrderedDict[str, errors.LinealError] = OrderedDict()
        self._count = 0

    def add(
        self, name: str, subject: str, error: errors.LinealError, *, item: Any, changes: int, file_name: str
    ) -> None:
        """Keep and tell that the server has refused something."""
        rejection = Rejection(name, subject, error.message, error.code, error.reason)
        self._tally.add(rejected=changes)
        with self._lock:
            self._count += 1
            self._errors[subject] = error
            if len(self._errors) > KEPT_MAX:
                self._errors.popitem(last=False)
            if len(self._kept) < KEPT_MAX:
                self._kept.append(rejection)
            place = self._write(rejection, item, file_name)
            if self._count <= WARNINGS_MAX:
                logger.warning("%s of %s was refused by the server: %s; it is kept in %s", name, subject, error, place)

    def error_of(self, subject: str) -> errors.LinealError | None:
        """Return why something about a run or task was refused."""
        return self._errors.get(subject)

    def kept(self) -> list[Rejection]:
        """Return the first thousand rejections."""
        with self._lock:
            return list(self._kept)

    def tell_count(self) -> None:
        """Say at the end how many there were, if not each of them was told."""
        if self._count > WARNINGS_MAX:
            logger.warning("the server has refused %d changes in all; they are kept in %s", self._count, self._place())

    def _place(self) -> str:
        return "no file" if self._folder is None else str(self._folder / "rejected")

    def _write(self, rejection: Rejection, item: Any, file_name: str) -> str:
        if self._folder is None or not file_name:
            return "no file"
        path = self._folder / "rejected" / file_name
        line = {
            "call": rejection.call,
            "subject": rejection.subject,
            "code": rejection.code,
            "reason": rejection.reason,
            "message": rejection.message,
            "at": time.time(),
            "item": _plain(item),
        }
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            with open(path, "a", opener=_private) as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            return f"no file, since {path} cannot be written ({error.strerror})"
        return str(path)


def _private(path: str, flags: int) -> int:
    import os

    return os.open(path, flags, 0o600)


def _plain(item: Any) -> Any:
    if isinstance(item, Message):
        return json_format.MessageToDict(item, preserving_proto_field_name=True)
    if isinstance(item, tuple):
        return [_plain(part) for part in item]  # pyright: ignore[reportUnknownVariableType]
    return item
