"""The caller of an RPC or a route: what the door knows about it, its identity, and the namespaces it may see.

Doors create a Caller, the authority an Identity and a Scope; services read them from the call.
"""

from collections.abc import Mapping
from dataclasses import field

from storage.record import record

REQUEST_ID = "x-request-id"
"""The metadata key in which a caller, or a proxy, sends the id of its request."""

IDEMPOTENCY_KEY = "idempotency-key"
"""The metadata key, and the header, in which a caller sends a key under which its call happens once only."""

REQUEST_ID_CHARACTERS = 64
"""Maximum length of a request id. Longer ones are ignored, because ids are written to the log."""


@record
class Caller:
    """What a door knows about a caller: its address, its metadata, and how long it waits (seconds; None: indefinitely).

    `metadata` is gRPC metadata, or the HTTP headers that are passed on. A caller that takes JSON may be answered with bytes: those
    that its door would make of the message, in the form with 64-bit integers as strings.
    """

    door: str
    peer: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None
    takes_json: bool = False

    def request_id(self) -> str:
        """Return the request id that the caller sent, "" if it sent none or one that must not be logged."""
        text = self.metadata.get(REQUEST_ID, "")
        return text if len(text) <= REQUEST_ID_CHARACTERS and text.isascii() and text.isprintable() else ""


@record
class Identity:
    """The identity of a caller; `name` is empty where callers are not authenticated."""

    name: str = ""


@record
class Scope:
    """The namespaces of a call.

    New rows are created in `namespace`, and names are looked up in it. Lists and the cache see only the rows of
    `namespace_filter`, or those of every namespace if it is None.
    """

    namespace: str
    namespace_filter: str | None


SINGLE_USER_SCOPE = Scope(namespace="", namespace_filter=None)
"""In single-user mode, rows are created without a namespace and read from every namespace, as by KFP's API server."""
