"""The comments of the protos, by the full name of what they describe. The document writer calls this.

The runtime descriptors of the stubs have no comments, so they come from a descriptor set that protoc wrote with them.
Some beginnings of a field's comment have a meaning: "Required.", "Required on create", and "Output only.".
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet

# Field numbers within FileDescriptorProto and its parts, of which the paths of comments consist.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED_MESSAGE, _NESTED_ENUM = 2, 3, 4
_VALUE = _METHOD = 2

Path = tuple[int, ...]


class MissingComment(Exception):
    """Something that the document describes has no comment in its proto."""


@dataclass(frozen=True, slots=True)
class Comments:
    """The texts, each as a single line."""

    texts: Mapping[str, str]

    def of(self, full_name: str) -> str:
        """Return the comment above a message, field, enum, value, service or method; raises MissingComment."""
        if full_name not in self.texts:
            raise MissingComment(f"{full_name} has no comment")
        return self.texts[full_name]

    def summary(self, full_name: str) -> str:
        """Return the first sentence of a comment; raises MissingComment."""
        first, stop, _ = self.of(full_name).partition(". ")
        return first + "." if stop else first

    def is_required(self, full_name: str) -> bool:
        """Return whether a request must have a field."""
        return self.texts.get(full_name, "").startswith(("Required.", "Required on create"))

    def is_output(self, full_name: str) -> bool:
        """Return whether a field is set only in responses; it is ignored in requests."""
        return self.texts.get(full_name, "").startswith("Output only.")


def read_comments(descriptors: FileDescriptorSet) -> Comments:
    """Return the comments of all files of a descriptor set."""
    texts: dict[str, str] = {}
    for file in descriptors.file:
        names = dict(_names(file))
        for location in file.source_code_info.location:
            name = names.get(tuple(location.path))
            text = " ".join(location.leading_comments.split())
            if name and text:
                texts[name] = text
    return Comments(texts)


def _names(file: FileDescriptorProto) -> Iterable[tuple[Path, str]]:
    package = f"{file.package}." if file.package else ""
    for index, message in enumerate(file.message_type):
        yield from _message_names(message, (_MESSAGE, index), package)
    for index, enum in enumerate(file.enum_type):
        yield from _enum_names(enum, (_ENUM, index), package)
    for index, service in enumerate(file.service):
        yield (_SERVICE, index), package + service.name
        for place, method in enumerate(service.method):
            yield (_SERVICE, index, _METHOD, place), f"{package}{service.name}.{method.name}"


def _message_names(message: DescriptorProto, path: Path, prefix: str) -> Iterable[tuple[Path, str]]:
    name = prefix + message.name
    yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _FIELD, index), f"{name}.{field.name}"
    for index, inner in enumerate(message.nested_type):
        yield from _message_names(inner, (*path, _NESTED_MESSAGE, index), f"{name}.")
    for index, enum in enumerate(message.enum_type):
        yield from _enum_names(enum, (*path, _NESTED_ENUM, index), f"{name}.")


def _enum_names(enum: EnumDescriptorProto, path: Path, prefix: str) -> Iterable[tuple[Path, str]]:
    name = prefix + enum.name
    yield path, name
    for index, value in enumerate(enum.value):
        yield (*path, _VALUE, index), f"{name}.{value.name}"
