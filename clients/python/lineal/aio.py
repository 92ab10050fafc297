"""The client for asyncio: `lineal.aio.Client`. A thin sender; requests, retries and errors are those of the core.

    async with lineal.aio.Client() as client:
        async for run in client.list_runs(sort_by="created_at desc"): …

To be used on one event loop. An answer that is not waited for any longer is a cancelled call; it is not sent again.
"""

import asyncio
from types import TracebackType
from typing import Any, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from lineal import _notebook
from lineal import settings as _settings
from lineal._aio_rpcs import AsyncRpcs
from lineal._calls import Core, Pause, Send
from lineal._channels import Endpoint, check_process, endpoints
from lineal._retries import Failure, read_failure

AnyClient = TypeVar("AnyClient", bound="Client")

DETAILS = "grpc-status-details-bin"


class Client(AsyncRpcs):
    """Calls every method of every API of a Lineal server, by its name, with `await` and `async for`.

    Without arguments it uses LINEAL_* variables, then a server on this host. Making one connects to nothing; raises
    SettingsError for settings that cannot be used.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        tls: bool | None = None,
        ca_file: str | None = None,
        cert_file: str | None = None,
        key_file: str | None = None,
        token: str | None = None,
        token_file: str | None = None,
        plain_text_token: bool | None = None,
        timeout_seconds: float | None = None,
        retries: int | None = None,
        keepalive_seconds: float | None = None,
    ) -> None:
        arguments = {name: value for name, value in locals().items() if name not in ("self", "__class__")}
        self.settings = _settings.load(arguments)
        self._core = Core(self.settings)
        self._endpoints = endpoints(self.settings)
        self._channels: dict[int, grpc.aio.Channel] = {}
        self._stubs: dict[tuple[str, int], Any] = {}
        self._is_closed = False
        _notebook.client_made()

    async def close(self) -> None:
        """Close the connections; calls in flight are cancelled, later ones raise RuntimeError."""
        self._is_closed = True
        channels, self._channels, self._stubs = self._channels, {}, {}
        for channel in channels.values():
            await channel.close()

    async def __aenter__(self: AnyClient) -> AnyClient:
        """Return the client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    def __repr__(self) -> str:
        """Return where the server is."""
        return f"<lineal.aio.Client of {self.settings.server}>"

    async def _call(
        self, name: str, request: Message, timeout_seconds: float | None, idempotency_key: str | None = None
    ) -> Any:
        steps = self._core.call(name, request, timeout_seconds=timeout_seconds, idempotency_key=idempotency_key)
        step = next(steps)
        while True:
            reply = await self._carry_out(step)
            try:
                step = steps.send(reply)
            except StopIteration as end:
                return end.value

    async def _carry_out(self, step: Send | Pause) -> Message | Failure | None:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            answer = await self._stub(step)(step.request, timeout=step.timeout_seconds, metadata=step.metadata)
            return cast(Message, answer)
        except grpc.aio.AioRpcError as error:
            details = dict(tuple(error.trailing_metadata() or ())).get(DETAILS)
            return read_failure(error.code().name, error.details() or "", cast(bytes, details))

    def _stub(self, step: Send) -> Any:
        stub = self._stubs.get((step.method.path, step.server))
        if stub is not None:
            return stub
        if self._is_closed:
            raise RuntimeError("the client is closed")
        channel = self._channels.get(step.server)
        if channel is None:
            check_process()
            channel = self._channels[step.server] = _open(self._endpoints[step.server])
        stub = channel.unary_unary(
            step.method.path,
            request_serializer=step.method.request.SerializeToString,
            response_deserializer=step.method.response.FromString,
        )
        self._stubs[step.method.path, step.server] = stub
        return stub


def _open(endpoint: Endpoint) -> grpc.aio.Channel:
    if endpoint.credentials is None:
        return grpc.aio.insecure_channel(endpoint.target, endpoint.options)
    return grpc.aio.secure_channel(endpoint.target, endpoint.credentials, endpoint.options)
