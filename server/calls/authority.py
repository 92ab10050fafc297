"""Who is calling, and whether it may. The dispatcher asks; composition chooses which answerer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from google.protobuf.message import Message

from server.calls.call import PlainRequest
from server.calls.policy import Rule


@dataclass(frozen=True, slots=True)
class Identity:
    """A caller; `name` is empty where nobody asks."""

    name: str = ""


class Authority(Protocol):
    """Answers the two questions of the dispatcher."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Return who is calling; raises Unauthenticated."""

    async def authorise(self, identity: Identity, rule: Rule, request: Message | PlainRequest) -> None:
        """Raise PermissionDenied unless the caller may do what the rule names."""


class SingleUser:
    """Single-user mode: everybody who can reach the server may do everything, as in KFP's API server."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Nobody is asked."""
        return Identity()

    async def authorise(self, identity: Identity, rule: Rule, request: Message | PlainRequest) -> None:
        """Nothing is refused."""
