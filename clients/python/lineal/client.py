"""The client: `lineal.Client`. A thin sender; requests, retries and errors are those of the core (`lineal._calls`).

    with lineal.Client("lineal.example:8887", ca_file="ca.pem") as client:
        run = client.create_run(run={"display_name": "churn"})

Safe to use from several threads. A client is of no use on both sides of a fork, and says so: see docs/python.md.
"""

import os
import threading
import time
from types import TracebackType
from typing import Any, TypeVar, cast

import grpc
from google.protobuf.message import Message

from lineal import _notebook
from lineal import settings as _settings
from lineal._calls import Core, Pause, Send
from lineal._channels import Endpoint, check_process, endpoints
from lineal._retries import Failure, read_failure
from lineal._rpcs import Rpcs

AnyClient = TypeVar("AnyClient", bound="Client")

DETAILS = "grpc-status-details-bin"
CLOSED = "the client is closed"


class Client(Rpcs):
    """Calls every method of every API of a Lineal server, by its name.

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
        self._lock = threading.Lock()
        self._channels: dict[int, grpc.Channel] = {}
        self._stubs: dict[tuple[str, int], Any] = {}
        self._process_id = os.getpid()
        self._is_closed = False
        _notebook.client_made(self)

    def close(self) -> None:
        """Close the connections; calls in flight, and later ones, raise RuntimeError."""
        with self._lock:
            self._is_closed = True
            channels, self._channels, self._stubs = self._channels, {}, {}
        for channel in channels.values():
            channel.close()

    def __enter__(self: AnyClient) -> AnyClient:
        """Return the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    def __repr__(self) -> str:
        """Return where the server is."""
        return f"<lineal.Client of {self.settings.server}>"

    def _call(
        self, name: str, request: Message, timeout_seconds: float | None, idempotency_key: str | None = None
    ) -> Any:
        steps = self._core.call(name, request, timeout_seconds=timeout_seconds, idempotency_key=idempotency_key)
        step = next(steps)
        while True:
            try:
                step = steps.send(self._carry_out(step))
            except StopIteration as end:
                return end.value

    def _carry_out(self, step: Send | Pause) -> Message | Failure | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            answer = self._stub(step)(step.request, timeout=step.timeout_seconds, metadata=step.metadata)
            return cast(Message, answer)
        except grpc.RpcError as error:
            call = cast(grpc.Call, error)
            details = dict(call.trailing_metadata() or ()).get(DETAILS)
            return read_failure(call.code().name, call.details() or "", cast(bytes, details))
        except ValueError:  # what gRPC raises for a channel that another thread has closed in this moment
            if self._is_closed:
                raise RuntimeError(CLOSED) from None
            raise

    def _stub(self, step: Send) -> Any:
        stub = self._stubs.get((step.method.path, step.server))
        if stub is None or self._process_id != os.getpid():
            stub = self._new_stub(step)
        return stub

    def _new_stub(self, step: Send) -> Any:
        with self._lock:
            if self._is_closed:
                raise RuntimeError(CLOSED)
            if self._process_id != os.getpid():
                if self._channels:
                    raise RuntimeError(
                        "the client was used before this process was forked; make another one after a fork"
                    )
                self._process_id = os.getpid()
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


def _open(endpoint: Endpoint) -> grpc.Channel:
    if endpoint.credentials is None:
        return grpc.insecure_channel(endpoint.target, endpoint.options)
    return grpc.secure_channel(endpoint.target, endpoint.credentials, endpoint.options)
