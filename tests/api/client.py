"""A gRPC client that knows the methods from the descriptors and nothing else of the server. Tests call `Api`."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2, status_pb2
from lineal.v1 import artifacts_pb2, lineage_pb2, overview_pb2, runs_pb2
from lineal.v2beta1 import (
    artifact_pb2,
    experiment_pb2,
    healthz_pb2,
    pipeline_pb2,
    recurring_run_pb2,
    report_pb2,
    run_pb2,
)

DETAILS = "grpc-status-details-bin"
FILES = (
    artifact_pb2,
    run_pb2,
    experiment_pb2,
    pipeline_pb2,
    healthz_pb2,
    report_pb2,
    recurring_run_pb2,
    lineage_pb2,
    overview_pb2,
    runs_pb2,
    artifacts_pb2,
)
SERVICES = {service.name: service for file in FILES for service in file.DESCRIPTOR.services_by_name.values()}
METHODS: dict[str, MethodDescriptor] = {
    method.name: method for service in SERVICES.values() for method in service.methods
}
"""Every method by its bare name, which is unique among the services."""


class Api:
    """Calls RPCs by name: `await api.CreateTask(run_id=run_id, task=a_task())`."""

    def __init__(self, address: str) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.aio.insecure_channel(address, options)

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        request = message_factory.GetMessageClass(METHODS[name].input_type)

        def call(
            *, timeout_seconds: float | None = 60.0, idempotency_key: str | None = None, **fields: Any
        ) -> Awaitable[Any]:
            metadata = () if idempotency_key is None else (("idempotency-key", idempotency_key),)
            data = request(**fields).SerializeToString()
            return self.send(name, data, timeout_seconds=timeout_seconds, metadata=metadata)

        return call

    def send(
        self,
        name: str,
        data: bytes,
        *,
        timeout_seconds: float | None = 60.0,
        metadata: Sequence[tuple[str, str]] = (),
        is_raw: bool = False,
    ) -> Awaitable[Any]:
        """Call with the bytes of a request, well formed or not; return the answer, or its bytes."""
        method = METHODS[name]
        answer = message_factory.GetMessageClass(method.output_type)
        path = f"/{method.containing_service.full_name}/{name}"
        awaitable: Awaitable[Any] = self.channel.unary_unary(path, None, None if is_raw else answer.FromString)(
            data, timeout=timeout_seconds, metadata=tuple(metadata)
        )
        return awaitable


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call was refused: the code's name, the sentence, the details as sent."""

    code: str
    message: str
    details: bytes

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        """The ErrorInfo among the details; fails when there is none, or when they say another code or sentence."""
        status = status_pb2.Status.FromString(self.details)
        assert (status.code, status.message) == (grpc.StatusCode[self.code].value[0], self.message)
        found = error_details_pb2.ErrorInfo()
        assert any(detail.Unpack(found) for detail in status.details)
        return found


async def refusal(call: Awaitable[Any]) -> Refusal:
    """Return how a call is refused; fails when it is not."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        trailing = error.trailing_metadata() or ()
        details = next((value for key, value in trailing if key == DETAILS), b"")
        assert isinstance(details, bytes)
        return Refusal(error.code().name, error.details() or "", details)
    raise AssertionError(f"the call was answered: {answer}")


async def code(call: Awaitable[Any]) -> str:
    """Return the name of the code a call ends with, OK when it is answered."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"
