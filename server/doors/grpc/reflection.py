"""gRPC reflection in both versions: clients ask for v1, and most fall back to v1alpha. The gRPC door adds it.

Both have the same messages under different names. The library has only v1alpha, so v1 is derived from it. It is imported at the
first call: most servers never get one.
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto

_V1ALPHA, _V1 = "grpc.reflection.v1alpha", "grpc.reflection.v1"
_V1_SERVICE = f"{_V1}.ServerReflection"

REFLECTION_SERVICES = (_V1_SERVICE, f"{_V1ALPHA}.ServerReflection")
"""The names of the services that `add_reflection` adds."""

_PATHS = frozenset(f"/{service}/ServerReflectionInfo" for service in REFLECTION_SERVICES)


def add_reflection(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Let clients look up the named services and their messages, all of which must be in the default descriptor pool."""
    server.add_generic_rpc_handlers((_Reflection(services),))


class _Reflection(grpc.GenericRpcHandler):
    """What answers the calls of both services."""

    def __init__(self, services: Iterable[str]) -> None:
        self._services = tuple(services)

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call, None if it is of another service."""
        return self._handler if handler_call_details.method in _PATHS else None

    @cached_property
    def _handler(self) -> Any:
        from grpc_reflection.v1alpha import reflection, reflection_pb2

        _describe_v1(reflection_pb2.DESCRIPTOR)
        servicer = reflection.aio.ReflectionServicer(self._services)
        return grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )


def _describe_v1(v1alpha: Any) -> None:
    """Add the descriptors of v1 to the default pool, unless it already has them, so that reflection can return them."""
    pool = descriptor_pool.Default()
    try:
        pool.FindServiceByName(_V1_SERVICE)
    except KeyError:
        file = FileDescriptorProto()
        v1alpha.CopyToProto(file)
        file.name = file.name.replace("v1alpha", "v1")
        file.package = _V1
        for message in file.message_type:
            for field in (each for each in message.field if each.type_name):
                field.type_name = field.type_name.replace(_V1ALPHA, _V1)
        for service in file.service:
            for method in service.method:
                method.input_type = method.input_type.replace(_V1ALPHA, _V1)
                method.output_type = method.output_type.replace(_V1ALPHA, _V1)
        pool.AddSerializedFile(file.SerializeToString())
