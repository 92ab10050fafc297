"""Idempotency keys: a call that is sent again with its key gets the answer of the first one. The dispatcher calls this.

A key belongs to whoever sent it. It is looked up before anything else, since what a call needs may be gone after its effect: a run
that it has deleted, a name that it has taken.
"""

from collections.abc import Sequence
from hashlib import sha256
from struct import pack
from typing import Any, Protocol

from google.protobuf.message import Message

from server.calls.call import Call
from server.calls.caller import IDEMPOTENCY_KEY, Identity
from server.calls.http_calls import HttpCall
from server.calls.key_ids import KeyIds
from server.calls.policy import Ruled
from server.calls.recording import Recorder, aside
from server.errors import InvalidArgument
from storage.ids import makes_ids

KEY_CHARACTERS = 255
"""How long an idempotency key may be."""

READ_VERBS = frozenset({"get", "list"})
"""The verbs of policy lines whose operations write nothing. They ignore keys."""


class Keyed(Ruled, Protocol):
    """An RPC or a route."""

    @property
    def api(self) -> str:
        """The name of its API."""


def writes(operation: Ruled) -> bool:
    """Return whether an RPC or a route takes idempotency keys: every one whose policy line is not that of a read."""
    return operation.rule is not None and operation.rule.verb not in READ_VERBS


async def begin(operation: Keyed, request: Message | HttpCall, call: Call, identity: Identity) -> Recorder | None:
    """Let a call write with the key that it brought; return what finds and keeps its answer, None for a call that only reads.

    Raises InvalidArgument for a key that is empty, too long or not printable ASCII.
    """
    key = call.metadata[IDEMPOTENCY_KEY]
    if not writes(operation):
        return None
    if not (0 < len(key) <= KEY_CHARACTERS and key.isascii() and key.isprintable()):
        raise InvalidArgument(
            f"an idempotency key must have 1 to {KEY_CHARACTERS} printable ASCII characters",
            reason="INVALID_IDEMPOTENCY_KEY",
        )
    marks = getattr(operation, "empty_marks", {}).values()
    parts = [operation.api, operation.name, *(call.metadata.get(mark, "") for mark in marks)]
    key_id, content = _digest([identity.name, key]), await _content(parts, request)
    key_ids = KeyIds(key) if makes_ids(key) else None
    recorder = Recorder(call.store, key_id=key_id, content=content, key_ids=key_ids, now=call.now)
    call.record_by(recorder)
    return recorder


async def _content(parts: list[str], request: Message | HttpCall) -> str:
    """Return the digest of what is asked: the same for equal requests through either door."""
    if isinstance(request, Message):
        data: Any = request.SerializeToString(deterministic=True)
    else:
        parts += [repr(sorted(request.values.items())), repr(sorted(request.query.items())), request.file_name]
        data = request.body or b""
        assert isinstance(data, bytes | bytearray), "routes that write take a body that is there as a whole"
    return await aside(len(data), _digest, parts, data)


def _digest(parts: Sequence[str], data: bytes = b"") -> str:
    digest = sha256()
    for part in (*(text.encode(errors="surrogatepass") for text in parts), data):
        digest.update(pack(">Q", len(part)))
        digest.update(part)
    return digest.hexdigest()
