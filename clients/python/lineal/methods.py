"""The RPCs of every API that Lineal serves, read from the proto descriptors: names, messages and HTTP rules.

The client sends calls by this table, and the server builds its own table on it. It needs protobuf, but no gRPC.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from google.api import annotations_pb2
from google.protobuf import message_factory
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.message import Message

from lineal.v1 import artifacts_pb2, lineage_pb2, metrics_pb2, overview_pb2, runs_pb2
from lineal.v2beta1 import (
    artifact_pb2,
    experiment_pb2,
    healthz_pb2,
    pipeline_pb2,
    recurring_run_pb2,
    report_pb2,
    run_pb2,
)


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
class Method:
    """One RPC. `full_name` includes the package; `name` is Service.Method, as in logs and metrics; gRPC uses `path`."""

    full_name: str
    name: str
    path: str
    service: str
    request: type[Message]
    response: type[Message]
    http: HttpRule | None


def methods_of(files: Iterable[FileDescriptor]) -> tuple[Method, ...]:
    """Return every method of the files, in the order of the protos."""
    return tuple(
        _method(method) for file in files for service in file.services_by_name.values() for method in service.methods
    )


def _method(method: MethodDescriptor) -> Method:
    service = method.containing_service
    return Method(
        full_name=method.full_name,
        name=f"{service.name}.{method.name}",
        path=f"/{service.full_name}/{method.name}",
        service=service.full_name,
        request=message_factory.GetMessageClass(method.input_type),
        response=message_factory.GetMessageClass(method.output_type),
        http=_http_rule(method),
    )


def _http_rule(method: MethodDescriptor) -> HttpRule | None:
    # googleapis-common-protos has no types.
    options: Any = method.GetOptions()
    rule: Any = options.Extensions[annotations_pb2.http]
    verb: str | None = rule.WhichOneof("pattern")
    return None if verb is None else HttpRule(verb.upper(), getattr(rule, verb), rule.body)


KFP_FILES: tuple[FileDescriptor, ...] = (
    artifact_pb2.DESCRIPTOR,
    run_pb2.DESCRIPTOR,
    experiment_pb2.DESCRIPTOR,
    pipeline_pb2.DESCRIPTOR,
    healthz_pb2.DESCRIPTOR,
    report_pb2.DESCRIPTOR,
    recurring_run_pb2.DESCRIPTOR,
)
"""The protos with the services of KFP's API, v2beta1."""

LINEAL_FILES: tuple[FileDescriptor, ...] = (
    lineage_pb2.DESCRIPTOR,
    overview_pb2.DESCRIPTOR,
    runs_pb2.DESCRIPTOR,
    artifacts_pb2.DESCRIPTOR,
    metrics_pb2.DESCRIPTOR,
)
"""The protos with the services of Lineal's own API, v1."""

FILES = KFP_FILES + LINEAL_FILES
"""The protos of every API."""

METHODS = methods_of(FILES)
"""Every RPC of every API."""
