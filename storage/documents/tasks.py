"""The columns tasks.pods, tasks.status_metadata and tasks.type_attributes."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from storage.documents import typed
from storage.documents.enums import POD_TYPES
from storage.documents.plain import Plain, compact, entries_of, integer_of, object_of, text_of
from storage.record import record

_MESSAGE = '{"message":"'  # how a column begins that has one: `StatusMetadata.to_text` writes it first
_ESCAPE_CHARACTERS = len("\\u001f")
_decode = json.JSONDecoder().raw_decode


class Pod(NamedTuple):
    """A Kubernetes pod that worked for a task: [{"name", "uid", "type"}]; `type` is a number of PodType."""

    name: str = ""
    uid: str = ""
    type: int = 0

    @classmethod
    def from_plain(cls, entry: dict[str, Any]) -> "Pod":
        """Return a stored pod."""
        return cls(text_of(entry.get("name")), text_of(entry.get("uid")), POD_TYPES.number_of(entry.get("type")))

    def plain(self) -> dict[str, Plain]:
        """Return the pod as it is stored."""
        plain: dict[str, Plain] = {name: text for name, text in (("name", self.name), ("uid", self.uid)) if text}
        if self.type:
            plain["type"] = POD_TYPES.name_of(self.type)
        return plain

    @staticmethod
    def label(entry: Mapping[str, Any]) -> str:
        """Return the label of a stored pod: its type, "" without one."""
        return str(entry.get("type") or "")


def pods_from_text(text: str | None) -> Iterator[Pod]:
    """Yield the pods of a column."""
    return map(Pod.from_plain, entries_of(text))


_decode_pods = typed.lists_of(
    typed.shape("Pod", ("name", "name", str, ""), ("uid", "uid", str, ""), ("type", "type", str | int, 0))
)


def read_pods(text: str) -> Iterable[Any]:
    """Return the pods of a column, with types as they are stored, in a quarter of the time."""
    try:
        return _decode_pods(text)  # type: ignore[no-any-return]
    except typed.REFUSED:
        return pods_from_text(text)


def pods_to_text(pods: Iterable[Pod]) -> str | None:
    """Return the text of a column, None when there are no pods."""
    entries = [pod.plain() for pod in pods]
    return compact(entries) if entries else None


@record
class StatusMetadata:
    """Why a task is in its state: {"message", "customProperties": {name: any value}}."""

    message: str = ""
    custom_properties: Mapping[str, Any] | None = None

    @classmethod
    def from_text(cls, text: str | None) -> "StatusMetadata | None":
        """Return the value of a column, None when it is empty."""
        plain = object_of(text)
        if plain is None:
            return None
        properties = plain.get("customProperties")
        return cls(text_of(plain.get("message")), properties if isinstance(properties, dict) else None)

    def to_text(self) -> str:
        """Return the text of a column."""
        plain: dict[str, Any] = {}
        if self.message:
            plain["message"] = self.message
        if self.custom_properties:
            plain["customProperties"] = self.custom_properties
        return compact(plain)


def message_of_status(text: str | None) -> str:
    """Return the message in the text of a status_metadata column, also if the end of the text is missing."""
    if not text or not text.startswith(_MESSAGE):
        return ""  # only properties
    for missing in range(_ESCAPE_CHARACTERS + 1):
        try:
            message = _decode(f'{text[len(_MESSAGE) - 1 : len(text) - missing]}"')[0]
            return text_of(message)
        except ValueError:  # it ends within an escape
            continue
    return ""


@record
class TypeAttributes:
    """Attributes that only some types of tasks have: {"iterationIndex", "iterationCount", "downloadToWorkspace"}; None is absent."""

    iteration_index: int | None = None
    iteration_count: int | None = None
    download_to_workspace: bool | None = None

    @classmethod
    def from_text(cls, text: str | None) -> "TypeAttributes | None":
        """Return the value of a column, None when it is empty."""
        plain = object_of(text)
        if plain is None:
            return None
        download = plain.get("downloadToWorkspace")
        return cls(
            integer_of(plain.get("iterationIndex")),
            integer_of(plain.get("iterationCount")),
            download if isinstance(download, bool) else None,
        )

    def to_text(self) -> str:
        """Return the text of a column."""
        plain: dict[str, Plain] = {}
        if self.iteration_index is not None:
            plain["iterationIndex"] = str(self.iteration_index)
        if self.iteration_count is not None:
            plain["iterationCount"] = str(self.iteration_count)
        if self.download_to_workspace is not None:
            plain["downloadToWorkspace"] = self.download_to_workspace
        return compact(plain)


def beginning_of_attributes(iteration: int) -> str:
    """Return how the column type_attributes begins for a task in an iteration: `TypeAttributes.to_text` writes that first."""
    return f'{{"iterationIndex":"{iteration}"'
