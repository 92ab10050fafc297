"""Identifies callers, and decides what they may see. The dispatcher calls the authority that the composition root chooses."""

from collections.abc import Mapping
from typing import Protocol

from server.calls.caller import SINGLE_USER_SCOPE, Identity, Scope
from server.calls.namespaces import Request
from server.calls.policy import Rule


class Authority(Protocol):
    """Identifies and authorises callers, for the dispatcher."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Return the identity of a caller; raises Unauthenticated."""

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        """Return the namespaces that the call may see. Raises PermissionDenied unless the rule permits the call."""


class SingleUser:
    """Single-user mode: everyone who can reach the server may do everything, as in KFP's API server."""

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        """Return an anonymous identity for every caller."""
        return _ANONYMOUS

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        """Permit every call, without looking up namespaces."""
        return SINGLE_USER_SCOPE


_ANONYMOUS = Identity()
