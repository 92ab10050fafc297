"""Answers that several RPCs have."""

from google.protobuf.empty_pb2 import Empty


async def empty(_: object) -> Empty:
    """Return the answer of an RPC that tells nothing but that it was done."""
    return Empty()
