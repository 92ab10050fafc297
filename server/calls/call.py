"""What every handler is given in addition to its request. The dispatcher makes one Call per request; services import it."""

import itertools
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.calls.caller import Caller, Identity, Scope
from server.config import Settings
from server.recorded_spec import RecordedSpecs
from storage.contract import Store
from storage.pages import PageTokens

_request_numbers = itertools.count(1)


def microseconds_now() -> int:
    """Return the present time in microseconds UTC."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Shared:
    """What all calls of a process share. The composition root makes it once.

    The store, the key of page tokens, the settings, the clock (microseconds UTC), and specifications that were made.
    """

    store: Store
    tokens: PageTokens
    settings: Settings
    now: Callable[[], int] = microseconds_now
    recorded_specs: RecordedSpecs = field(default_factory=RecordedSpecs)


class Call:
    """One request on its way: what all calls share, and what is this one's alone.

    `deadline` is the monotonic time (`time.monotonic()`, seconds) at which the caller stops waiting, None when it does not
    say. Not frozen: it is made before anything can fail, so that every failure has its request id, and learns identity and scope
    later.
    """

    __slots__ = (
        "_request_id",
        "_scope",
        "caller",
        "deadline",
        "identity",
        "now",
        "recorded_specs",
        "settings",
        "store",
        "tokens",
    )

    def __init__(self, shared: Shared, caller: Caller, *, start: float) -> None:
        self.tokens, self.settings = shared.tokens, shared.settings
        self.now, self.recorded_specs = shared.now, shared.recorded_specs
        self.caller = caller
        self.deadline = None if caller.timeout_seconds is None else start + caller.timeout_seconds
        self.store = shared.store.until(self.deadline)
        self.identity = Identity()
        self._scope: Scope | None = None
        self._request_id = ""

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the caller sent in addition to its request."""
        return self.caller.metadata

    @property
    def request_id(self) -> str:
        """The id that the caller sent, else one that is made when it is first asked for."""
        if not self._request_id:
            self._request_id = self.caller.request_id() or f"{os.getpid():x}-{next(_request_numbers):x}"
        return self._request_id

    def admit(self, identity: Identity, scope: Scope | None) -> None:
        """Note what the authority answered. The dispatcher calls this before the handler; open methods have no scope."""
        self.identity, self._scope = identity, scope

    def scope(self) -> Scope:
        """Return the namespaces that this call may see. Raises RuntimeError before it was authorised, and for open methods."""
        if self._scope is None:
            raise RuntimeError("a call that nobody authorised has no scope and must not touch rows")
        return self._scope


Handler = Callable[[Call, Any], Awaitable[Any]]
"""Answers one request: of an RPC a message with a message, of a route an HttpCall with what the route may return."""
