"""The inputs that a stored specification's root declares: all that CreateRun needs of it. CreateRun calls this.

A specification never changes, so one that was read is not parsed again: its inputs are kept under its id. They are read outside
of transactions, since validating the largest specification takes seconds.
"""

import json
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2

from server.packages.reading import read_apart
from server.packages.specs import check_runnable, read_spec
from server.rules.bounded_cache import BoundedCache
from storage.digests import text_digest

BYTES_MAX = 8 * 1024 * 1024
"""Maximum size of the inputs that a process keeps, serialized."""

_ENTRY_BYTES = 256  # what an entry takes in addition to the inputs, which may be none

_inputs: BoundedCache[bytes] = BoundedCache(BYTES_MAX)


async def root_inputs(spec: str) -> Any:
    """Return the input definitions of a stored specification's root; raises InvalidArgument unless it can be run."""
    id = text_digest(spec)
    data = _inputs.find(id)
    if data is None:
        data = await read_apart(len(spec), _read, spec)
        _inputs.keep(id, data, size_bytes=len(data) + _ENTRY_BYTES)
    return pipeline_spec_pb2.ComponentInputsSpec.FromString(data)


def _read(spec: str) -> bytes:
    message = read_spec(json.loads(spec))
    check_runnable(message)
    data: bytes = message.root.input_definitions.SerializeToString()
    return data
