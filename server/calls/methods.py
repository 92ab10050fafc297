"""The methods Lineal serves, read from the descriptors: names, messages and HTTP rules. Doors and policy are built from it."""

from dataclasses import dataclass

from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message
from lineal.v2beta1 import (
    artifact_pb2,
    experiment_pb2,
    healthz_pb2,
    pipeline_pb2,
    recurring_run_pb2,
    report_pb2,
    run_pb2,
)

FILES: tuple[FileDescriptor, ...] = (
    artifact_pb2.DESCRIPTOR,
    run_pb2.DESCRIPTOR,
    experiment_pb2.DESCRIPTOR,
    pipeline_pb2.DESCRIPTOR,
    healthz_pb2.DESCRIPTOR,
    report_pb2.DESCRIPTOR,
    recurring_run_pb2.DESCRIPTOR,
)


@dataclass(frozen=True, slots=True)
class HttpRule:
    """A google.api.http rule: verb, path template, and what the body is (`*`, a field's name, or nothing)."""

    verb: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC: `name` is Service.Method, `path` what gRPC calls it by."""

    name: str
    path: str
    service: str
    request: type[Message]
    response: type[Message]
    http: HttpRule | None


def _http_rule(method: MethodDescriptor) -> HttpRule | None:
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return None if verb is None else HttpRule(verb.upper(), getattr(rule, verb), rule.body)


def all_methods() -> tuple[Method, ...]:
    """Return every method of the served files, in the order of the protos."""
    return tuple(
        Method(
            name=f"{service.name}.{method.name}",
            path=f"/{service.full_name}/{method.name}",
            service=service.full_name,
            request=message_factory.GetMessageClass(method.input_type),
            response=message_factory.GetMessageClass(method.output_type),
            http=_http_rule(method),
        )
        for file in FILES
        for service in file.services_by_name.values()
        for method in service.methods
    )
