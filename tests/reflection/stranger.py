"""Calls a server knowing nothing but gRPC's own reflection and health services: `python stranger.py HOST:PORT`.

Prints what it found as JSON. Run by the test as a process of its own, which must not load Lineal's messages.
"""

import json
import sys
from typing import Any

import grpc
from google.protobuf import descriptor_pool, json_format, message_factory
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


class Stranger:
    """Finds services on the server and calls them with JSON."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._channel = channel
        self._known = ProtoReflectionDescriptorDatabase(channel)
        self._pool = descriptor_pool.DescriptorPool(self._known)

    def methods(self) -> dict[str, list[str]]:
        """Every service's methods, as the server describes them."""
        services = {name: self._pool.FindServiceByName(name) for name in self._known.get_services()}
        return {name: sorted(method.name for method in service.methods) for name, service in services.items()}

    def call(self, service: str, method: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call a method; enums by name, proto field names."""
        found = self._pool.FindServiceByName(service).FindMethodByName(method)
        question, answer = (message_factory.GetMessageClass(kind) for kind in (found.input_type, found.output_type))
        call = self._channel.unary_unary(
            f"/{service}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        message = json_format.ParseDict(request, question(), descriptor_pool=self._pool)
        return json_format.MessageToDict(
            call(message, timeout=60), preserving_proto_field_name=True, descriptor_pool=self._pool
        )


def health(channel: grpc.Channel, service: str) -> str:
    """The standard health service's word on a service."""
    answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service=service))
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def main(address: str) -> None:
    """Look around, record a run, read it back."""
    with grpc.insecure_channel(address) as channel:
        stranger = Stranger(channel)
        methods = stranger.methods()
        [runs] = [name for name in methods if name.endswith(".RunService")]
        [artifacts] = [name for name in methods if name.endswith(".ArtifactService")]
        created = stranger.call(runs, "CreateRun", {"run": {"display_name": "from a stranger"}})
        found = {
            "methods": methods,
            "health": {name: health(channel, name) for name in ("", runs, artifacts)},
            "created": created,
            "read": stranger.call(runs, "GetRun", {"run_id": created["run_id"], "view": "FULL"}),
            "artifacts": stranger.call(artifacts, "ListArtifacts", {"page_size": 5}),
            "loaded": sorted(name for name in sys.modules if name.split(".")[0] in ("lineal", "server")),
        }
    print(json.dumps(found))  # noqa: T201  its answer


if __name__ == "__main__":
    main(sys.argv[1])
