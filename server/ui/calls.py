"""How pages ask for what they show: calls of methods by name, through the dispatcher, as any other client's.

Admission, policy, authority, deadline and the line in the log are those of every call.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from google.rpc import code_pb2

from server.api import Api
from server.calls.apart import SerializedMessage
from server.calls.call import Shared
from server.calls.dispatcher import Dispatcher
from server.calls.methods import Method
from server.config import Settings
from server.doors.http.messages import HttpRequest
from server.doors.http.plain_routes import caller_of
from server.ui.facts import Facts
from server.ui.visit import Refused, refused
from storage.record import record

SPARE_SECONDS = 0.5
"""How long before the door gives up on a request its last call must have ended, so that there is time for an error page."""


@record
class Office:
    """What the desks of all visits share."""

    dispatcher: Dispatcher
    methods: Mapping[str, Method]
    settings: Settings
    facts: Facts
    ready: Callable[[], Awaitable[None]]
    documents: Sequence[str]
    """The names of the APIs that have an OpenAPI document."""

    def desk(self, request: HttpRequest) -> "Desk":
        """Return the desk of one request, which begins now."""
        return Desk(self, request, time.monotonic() + max(self.settings.rest_seconds - SPARE_SECONDS, 0.0))


class Desk:
    """Answers the questions of one page, with the rights of whoever asked for it. `deadline` is a monotonic time."""

    def __init__(self, office: Office, request: HttpRequest, deadline: float) -> None:
        self._office, self._request, self._deadline = office, request, deadline

    @property
    def facts(self) -> Facts:
        """What is known of the server."""
        return self._office.facts

    @property
    def settings(self) -> Settings:
        """The server's settings."""
        return self._office.settings

    @property
    def documents(self) -> Sequence[str]:
        """The names of the APIs that have an OpenAPI document."""
        return self._office.documents

    async def ready(self) -> None:
        """Return if the database answers; raises StorageError if not."""
        await self._office.ready()

    async def ask(self, name: str, **fields: Any) -> Any:
        """Return the answer of a method, as `RunService.GetRun`, to a request with these fields.

        All calls of a page share one deadline. Raises Refused with the status of the call if it does not succeed.
        """
        method = self._office.methods.get(name)
        if method is None:
            raise refused(f"this server has no {name}", code=code_pb2.UNIMPLEMENTED, reason="UNIMPLEMENTED")
        left = max(self._deadline - time.monotonic(), 0.0)
        caller = caller_of(self._request, timeout_seconds=left)
        outcome = await self._office.dispatcher.dispatch(method, method.request(**fields), caller)
        if outcome.answer is None:
            raise Refused(outcome.status)
        answer = outcome.answer
        return answer.message() if isinstance(answer, SerializedMessage) else answer


def office(facts: Facts, shared: Shared, dispatcher: Dispatcher, apis: Sequence[Api]) -> Office:
    """Return what the desks of a server share: every method of its APIs can be asked for."""
    methods = {method.name: method for api in apis for method in api.methods}
    documents = [api.name for api in apis if api.openapi]
    return Office(dispatcher, methods, shared.settings, facts, shared.store.ready, documents)
