"""Who is calling, and what it may see. The dispatcher asks; composition chooses which authority answers."""

from collections.abc import Mapping
from typing import Protocol

from server.calls.caller import SINGLE_USER_SCOPE, Identity, Scope
from server.calls.namespaces import Request
from server.calls.policy import Rule


class Authority(Protocol):
    """Answers the two questions of the dispatcher."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Return who is calling; raises Unauthenticated."""

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        """Return the namespaces the call may see. Raises PermissionDenied unless the caller may do what the rule names."""


class SingleUser:
    """Single-user mode: everybody who can reach the server may do everything, as in KFP's API server."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Nobody is asked."""
        return _NOBODY

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        """Nothing is refused, and no namespace is looked for."""
        return SINGLE_USER_SCOPE


_NOBODY = Identity()
