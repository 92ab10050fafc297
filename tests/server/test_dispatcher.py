"""The dispatcher by itself: what a call goes through before and around its handler, whichever door it came through."""

import asyncio
import math
from collections.abc import Awaitable, Mapping
from typing import Any

import pytest
from google.protobuf.message import Message
from lineal.v2beta1 import healthz_pb2, run_pb2

from server.calls.authority import Identity, SingleUser
from server.calls.call import PlainRequest
from server.calls.dispatcher import Caller, Dispatcher
from server.calls.methods import Method, all_methods
from server.calls.policy import Rule
from server.errors import PermissionDenied, Unauthenticated
from storage import deadlines

METHODS = {method.name: method for method in all_methods()}
LIST_RUNS = METHODS["RunService.ListRuns"]
HEALTHZ = METHODS["HealthzService.GetHealthz"]
UPLOAD = "Upload.UploadPipeline"
HANGING_SECONDS = 20


class Guarded:
    """Lets those in who say a name, and lets only alice list."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, type]] = []

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        if "name" not in metadata:
            raise Unauthenticated("who is there?")
        return Identity(metadata["name"])

    async def authorise(self, identity: Identity, rule: Rule, request: Message | PlainRequest) -> None:
        self.asked.append((identity.name, rule.resource, rule.verb, type(request)))
        if identity.name != "alice":
            raise PermissionDenied("only alice may")


class Handlers:
    """Handlers that say how long their callers wait, and remember that they were called."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.patience = math.nan

    async def list_runs(self, call: Any, request: Any) -> Message:
        self.called.append("list")
        self.patience = deadlines.remaining_seconds(1e9)
        if request.page_token == "for ever":
            await asyncio.Event().wait()
        return run_pb2.ListRunsResponse()

    async def healthz(self, call: Any, request: Any) -> Message:
        self.called.append("healthz")
        return healthz_pb2.GetHealthzResponse()

    async def upload(self, call: Any, request: PlainRequest) -> dict[str, Any]:
        self.called.append("upload")
        return {}


def a_dispatcher(handlers: Handlers, authority: Any) -> Dispatcher:
    served = {LIST_RUNS.name: handlers.list_runs, HEALTHZ.name: handlers.healthz}
    nothing: Any = None
    return Dispatcher(served, nothing, authority, plain_handlers={UPLOAD: handlers.upload})


def ask(dispatcher: Dispatcher, what: Method | str, caller: Caller, **fields: Any) -> Awaitable[Any]:
    if isinstance(what, str):
        return dispatcher.dispatch_plain(what, PlainRequest(), caller)
    return dispatcher.dispatch(what, what.request(**fields), caller)


@pytest.mark.parametrize("what", [LIST_RUNS, UPLOAD], ids=["rpc", "plain"])
@pytest.mark.parametrize(("name", "code"), [("alice", "OK"), ("bob", "PERMISSION_DENIED"), (None, "UNAUTHENTICATED")])
async def test_only_those_who_may_reach_a_handler(what: Method | str, name: str | None, code: str) -> None:
    handlers = Handlers()
    caller = Caller("test", metadata={} if name is None else {"name": name})
    outcome = await ask(a_dispatcher(handlers, Guarded()), what, caller)
    assert outcome.status.code_name == code
    assert bool(handlers.called) == (code == "OK") == (outcome.answer is not None)


async def test_the_authority_is_asked_for_what_the_policy_says_of_the_method() -> None:
    guarded, caller = Guarded(), Caller("test", metadata={"name": "alice"})
    dispatcher = a_dispatcher(Handlers(), guarded)
    await ask(dispatcher, LIST_RUNS, caller)
    await ask(dispatcher, UPLOAD, caller)
    await ask(dispatcher, HEALTHZ, caller)
    assert guarded.asked == [
        ("alice", "runs", "list", run_pb2.ListRunsRequest),
        ("alice", "pipelines", "create", PlainRequest),
    ]


async def test_an_open_method_is_open_to_everybody_who_says_who_it_is() -> None:
    handlers = Handlers()
    outcome = await ask(a_dispatcher(handlers, Guarded()), HEALTHZ, Caller("test", metadata={"name": "bob"}))
    assert (outcome.status.code_name, handlers.called) == ("OK", ["healthz"])


async def test_a_handler_knows_how_long_its_caller_waits() -> None:
    handlers = Handlers()
    dispatcher = a_dispatcher(handlers, SingleUser())
    await ask(dispatcher, LIST_RUNS, Caller("test", timeout_seconds=60.0))
    assert 0 < handlers.patience <= 60
    await ask(dispatcher, LIST_RUNS, Caller("test"))
    assert handlers.patience == 1e9


async def test_a_handler_that_is_late_is_ended_at_its_callers_deadline() -> None:
    handlers = Handlers()
    caller = Caller("test", timeout_seconds=0.05)
    async with asyncio.timeout(HANGING_SECONDS):
        outcome = await ask(a_dispatcher(handlers, SingleUser()), LIST_RUNS, caller, page_token="for ever")
    assert outcome.status.code_name == "DEADLINE_EXCEEDED"
