"""The HTTP door: whether the process lives and whether its database answers."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from server.call import Call
from storage.errors import StorageError


class RestDoor:
    """An HTTP server on one address."""

    def __init__(self, call: Call) -> None:
        self._call = call
        app = Starlette(routes=[Route("/healthz", self._healthz), Route("/readyz", self._readyz)])
        self._server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self, address: str) -> int:
        """Listen and return the port; raises OSError when the address is taken."""
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            listener.bind((host.strip("[]"), int(port)))
        except OSError:
            listener.close()
            raise
        config = self._server.config
        config.load()
        self._server.lifespan = config.lifespan_class(config)
        await self._server.startup(sockets=[listener])
        self._task = asyncio.create_task(self._server.main_loop())
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Take no new requests, finish those in flight, then close."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            await self._server.shutdown()

    async def _healthz(self, request: Request) -> JSONResponse:
        return JSONResponse({"alive": True})

    async def _readyz(self, request: Request) -> JSONResponse:
        try:
            await self._call.store.ready()
        except StorageError as error:
            return JSONResponse({"ready": False, "reason": str(error)}, status_code=503)
        return JSONResponse({"ready": True})
