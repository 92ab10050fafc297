"""Who calls: what a door knows of a caller, who the authority says it is, and which namespaces it may see.

Doors make a Caller, the authority an Identity and a Scope; services read them from the call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

REQUEST_ID = "x-request-id"
"""Metadata with which a caller, or a proxy in front, names its request."""

REQUEST_ID_CHARACTERS = 64
"""A request id that is longer is ignored: it would be written to the log."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What a door knows of a caller: where it is, what it sent along, and how long it waits (seconds; None: for ever).

    `metadata` is gRPC metadata, or the HTTP headers that are passed on.
    """

    door: str
    peer: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float | None = None

    def request_id(self) -> str:
        """Return the request id that the caller sent, "" when it sent none or one that must not be in a log."""
        text = self.metadata.get(REQUEST_ID, "")
        return text if len(text) <= REQUEST_ID_CHARACTERS and text.isascii() and text.isprintable() else ""


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller as the authority knows it; `name` is empty where nobody is asked."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """The namespaces of a call.

    New rows are created in `namespace`, and names are looked up in it. Lists and the cache see the rows of
    `namespace_filter` only, those of every namespace when it is None.
    """

    namespace: str
    namespace_filter: str | None


SINGLE_USER_SCOPE = Scope(namespace="", namespace_filter=None)
"""Single-user mode keeps no namespaces, and reads rows of every namespace, as KFP's API server does."""
