"""RPCs as read from proto descriptors (`lineal.methods`), with the handlers and policy lines of an API.

APIs call `methods_of` once; the doors and the dispatcher use what it returns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import lineal.methods
from google.protobuf.descriptor import FileDescriptor
from lineal.methods import HttpRule

from server.calls.call import Handler
from server.calls.policy import Rule
from storage.record import record

__all__ = ["HttpRule", "Method", "Served", "methods_of"]


@record
class Served:
    """An RPC that an API serves: its handler and its policy line. Without the line, the server does not start.

    `empty_marks` has metadata keys by fields of a JSON body. A key is set if its field is an empty object in the body, which a
    message cannot distinguish from an absent one.
    """

    handler: Handler
    rule: Rule | None = None
    empty_marks: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Method(lineal.methods.Method):
    """One RPC, as the server has it.

    A method without a handler is defined in the protos but not served: it is answered with UNIMPLEMENTED. An Api sets `api` to
    its own name.
    """

    handler: Handler | None = None
    rule: Rule | None = None
    empty_marks: Mapping[str, str] = field(default_factory=dict, hash=False)
    api: str = ""


def methods_of(files: Iterable[FileDescriptor], served: Mapping[str, Served]) -> tuple[Method, ...]:
    """Return every method of the files, in the order of the protos; the keys of `served` are Service.Method.

    Raises ValueError if `served` has a method that is not in the files.
    """
    methods = tuple(_served(method, served.get(method.name)) for method in lineal.methods.methods_of(files))
    unknown_names = served.keys() - {method.name for method in methods}
    if unknown_names:
        raise ValueError(f"no proto defines the methods {', '.join(sorted(unknown_names))}")
    return methods


def _served(method: lineal.methods.Method, entry: Served | None) -> Method:
    return Method(
        full_name=method.full_name,
        name=method.name,
        path=method.path,
        service=method.service,
        request=method.request,
        response=method.response,
        http=method.http,
        handler=entry.handler if entry else None,
        rule=entry.rule if entry else None,
        empty_marks=entry.empty_marks if entry else {},
    )
