"""Clients of the fault tests: each with its own connection, like pods. Called by tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc

from tests.api.client import Api

# A client that found its server gone tries again soon: the tests wait for the server, not for gRPC's patience.
OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
]


class Client(Api):
    """Calls RPCs by name over its own connection."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, OPTIONS)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[Client]:
    """A Client, closed at the end of the block."""
    client = Client(address)
    try:
        yield client
    finally:
        await client.channel.close()
