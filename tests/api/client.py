"""A gRPC client that sends each call once, as it is told: no retries, no conversions. Tests call `Api`."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc import error_details_pb2, status_pb2
from lineal import methods

DETAILS = "grpc-status-details-bin"
METHODS: dict[str, methods.Method] = {method.name.partition(".")[2]: method for method in methods.METHODS}
"""Every method by its bare name, which is unique among the services."""


class Api:
    """Calls RPCs by name: `await api.CreateTask(run_id=run_id, task=a_task())`."""

    def __init__(self, address: str) -> None:
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.aio.insecure_channel(address, options)

    def __getattr__(self, name: str) -> Any:
        if name not in METHODS:
            raise AttributeError(name)
        request = METHODS[name].request

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
        deserializer = None if is_raw else method.response.FromString
        awaitable: Awaitable[Any] = self.channel.unary_unary(method.path, None, deserializer)(
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
