"""RPCs as read from proto descriptors: names, messages and HTTP rules, with the handlers and policy lines of an API.

APIs call `methods_of` once; the doors and the dispatcher use what it returns.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message

from server.calls.call import Handler
from server.calls.policy import Rule


@dataclass(frozen=True, slots=True)
class HttpRule:
    """A google.api.http rule: verb, path template, and body (`*` for the whole message, a field's name, or "").

    Without `takes_query`, the parameters of a query are ignored.
    """

    verb: str
    path: str
    body: str
    takes_query: bool = True


@dataclass(frozen=True, slots=True)
class Served:
    """An RPC that an API serves: its handler and its policy line. Without the line, the server does not start.

    `empty_marks` has metadata keys by fields of a JSON body. A key is set if its field is an empty object in the body, which a
    message cannot distinguish from an absent one.
    """

    handler: Handler
    rule: Rule | None = None
    empty_marks: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC. `full_name` includes the package; logs and metrics use `name` (Service.Method), gRPC uses `path`.

    A method without a handler is defined in the protos but not served: it is answered with UNIMPLEMENTED. An Api sets `api` to
    its own name.
    """

    full_name: str
    name: str
    path: str
    service: str
    request: type[Message]
    response: type[Message]
    http: HttpRule | None
    handler: Handler | None = None
    rule: Rule | None = None
    empty_marks: Mapping[str, str] = field(default_factory=dict, hash=False)
    api: str = ""


def methods_of(files: Iterable[FileDescriptor], served: Mapping[str, Served]) -> tuple[Method, ...]:
    """Return every method of the files, in the order of the protos; the keys of `served` are Service.Method.

    Raises ValueError if `served` has a method that is not in the files.
    """
    methods = tuple(_method(method, served) for file in files for method in _methods_in(file))
    unknown_names = served.keys() - {method.name for method in methods}
    if unknown_names:
        raise ValueError(f"no proto defines the methods {', '.join(sorted(unknown_names))}")
    return methods


def _methods_in(file: FileDescriptor) -> Iterable[MethodDescriptor]:
    return (method for service in file.services_by_name.values() for method in service.methods)


def _method(method: MethodDescriptor, served: Mapping[str, Served]) -> Method:
    service = method.containing_service
    name = f"{service.name}.{method.name}"
    entry = served.get(name)
    return Method(
        full_name=method.full_name,
        name=name,
        path=f"/{service.full_name}/{method.name}",
        service=service.full_name,
        request=message_factory.GetMessageClass(method.input_type),
        response=message_factory.GetMessageClass(method.output_type),
        http=_http_rule(method),
        handler=entry.handler if entry else None,
        rule=entry.rule if entry else None,
        empty_marks=entry.empty_marks if entry else {},
    )


def _http_rule(method: MethodDescriptor) -> HttpRule | None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return None if verb is None else HttpRule(verb.upper(), getattr(rule, verb), rule.body)
