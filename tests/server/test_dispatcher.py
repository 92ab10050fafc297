"""The dispatcher by itself: what a call goes through before and around its handler, whichever door it came through."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.message import Message
from lineal.v2beta1 import healthz_pb2, run_pb2

from server.api import HttpRoute
from server.apis.kfp.api import KFP
from server.calls.authority import SingleUser
from server.calls.call import Call, Shared
from server.calls.caller import Caller, Identity, Scope
from server.calls.dispatcher import LARGE_SIZE, Dispatcher
from server.calls.http_calls import HttpCall
from server.calls.methods import Method
from server.calls.namespaces import Request
from server.calls.policy import Rule
from server.errors import PermissionDenied, Unauthenticated
from tests.logged import logged_lines

METHODS = {method.name: method for method in KFP.methods}
LIST_RUNS = METHODS["RunService.ListRuns"]
HEALTHZ = METHODS["HealthzService.GetHealthz"]
[UPLOAD] = [route for route in KFP.routes if route.name == "Upload.UploadPipeline"]
HANGING_SECONDS = 20


class Guarded:
    """Lets those in who say a name, and lets only alice list."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, type]] = []

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        if "name" not in metadata:
            raise Unauthenticated("who is there?")
        return Identity(metadata["name"])

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        self.asked.append((identity.name, rule.resource, rule.verb, type(request)))
        if identity.name != "alice":
            raise PermissionDenied("only alice may")
        return Scope(identity.name, identity.name)


class Hanging(SingleUser):
    """Never answers one of its two questions."""

    def __init__(self, question: str) -> None:
        self.question = question

    async def identify(self, metadata: Mapping[str, str]) -> Identity:
        if self.question == "identify":
            await asyncio.Event().wait()
        return Identity()

    async def authorise(self, identity: Identity, rule: Rule, request: Request) -> Scope:
        await asyncio.Event().wait()
        raise AssertionError


class Handlers:
    """Handlers that remember that they were called."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.calls: list[Call] = []

    async def list_runs(self, call: Call, request: Any) -> Message:
        self.called.append("list")
        self.calls.append(call)
        if request.page_token == "for ever":
            await asyncio.Event().wait()
        if request.page_token == "bug":
            raise LookupError
        return run_pb2.ListRunsResponse()

    async def healthz(self, call: Call, request: Any) -> Message:
        self.called.append("healthz")
        self.calls.append(call)
        return healthz_pb2.GetHealthzResponse()

    async def upload(self, call: Call, request: HttpCall) -> dict[str, Any]:
        self.called.append("upload")
        return {}


class DeadlineNoted:
    """A store of which nothing is requested except to note the deadline of a call."""

    def __init__(self, deadline: float | None = 0.0) -> None:
        self.deadline = deadline

    def until(self, deadline: float | None) -> "DeadlineNoted":
        return DeadlineNoted(deadline)


class Dispatching:
    """A dispatcher whose methods have these handlers."""

    def __init__(self, handlers: Handlers, authority: Any) -> None:
        nothing: Any = None
        store: Any = DeadlineNoted()
        self.dispatcher = Dispatcher(Shared(store=store, tokens=nothing, settings=nothing), authority)
        self.handlers = {LIST_RUNS: handlers.list_runs, HEALTHZ: handlers.healthz, UPLOAD: handlers.upload}


def a_dispatcher(handlers: Handlers, authority: Any) -> Dispatching:
    return Dispatching(handlers, authority)


def ask(dispatching: Dispatching, what: Method | HttpRoute, caller: Caller, **fields: Any) -> Awaitable[Any]:
    request = what.request(**fields) if isinstance(what, Method) else HttpCall()
    operation = replace(what, handler=dispatching.handlers[what])
    return dispatching.dispatcher.dispatch(operation, request, caller)


@pytest.mark.parametrize("what", [LIST_RUNS, UPLOAD], ids=["rpc", "route"])
@pytest.mark.parametrize(("name", "code"), [("alice", "OK"), ("bob", "PERMISSION_DENIED"), (None, "UNAUTHENTICATED")])
async def test_only_those_who_may_reach_a_handler(what: Method | HttpRoute, name: str | None, code: str) -> None:
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
        ("alice", "pipelines", "create", HttpCall),
    ]


async def test_an_open_method_is_open_to_everybody_who_says_who_it_is() -> None:
    handlers = Handlers()
    outcome = await ask(a_dispatcher(handlers, Guarded()), HEALTHZ, Caller("test", metadata={"name": "bob"}))
    assert (outcome.status.code_name, handlers.called) == ("OK", ["healthz"])


async def test_the_store_of_a_call_knows_how_long_its_caller_waits() -> None:
    handlers = Handlers()
    dispatcher = a_dispatcher(handlers, SingleUser())
    await ask(dispatcher, LIST_RUNS, Caller("test", timeout_seconds=60.0))
    await ask(dispatcher, LIST_RUNS, Caller("test"))
    stores: list[Any] = [call.store for call in handlers.calls]
    assert [store.deadline for store in stores] == [handlers.calls[0].deadline, None]
    assert handlers.calls[0].deadline is not None


async def test_a_handler_that_is_late_is_ended_at_its_callers_deadline() -> None:
    handlers = Handlers()
    caller = Caller("test", timeout_seconds=0.05)
    async with asyncio.timeout(HANGING_SECONDS):
        outcome = await ask(a_dispatcher(handlers, SingleUser()), LIST_RUNS, caller, page_token="for ever")
    assert outcome.status.code_name == "DEADLINE_EXCEEDED"


@pytest.mark.parametrize("question", ["identify", "authorise"])
async def test_an_authority_that_hangs_is_given_up_at_the_callers_deadline(question: str) -> None:
    handlers = Handlers()
    async with asyncio.timeout(HANGING_SECONDS):
        outcome = await ask(a_dispatcher(handlers, Hanging(question)), LIST_RUNS, Caller("test", timeout_seconds=0.05))
    assert (outcome.status.code_name, handlers.called) == ("DEADLINE_EXCEEDED", [])


async def test_each_request_has_a_call_of_its_own() -> None:
    handlers = Handlers()
    dispatcher = a_dispatcher(handlers, Guarded())
    callers = [Caller("test", metadata={"name": "alice", "x": text}) for text in ("1", "2")]
    await asyncio.gather(*(ask(dispatcher, LIST_RUNS, caller) for caller in callers))
    assert [call.metadata["x"] for call in handlers.calls] == ["1", "2"]
    assert len({call.request_id for call in handlers.calls}) == 2


async def test_a_handler_is_told_who_calls_what_it_may_see_and_until_when() -> None:
    handlers = Handlers()
    start = time.monotonic()
    await ask(a_dispatcher(handlers, Guarded()), LIST_RUNS, Caller("test", "", {"name": "alice"}, 60.0))
    [call] = handlers.calls
    assert (call.identity, call.scope()) == (Identity("alice"), Scope("alice", "alice"))
    assert call.deadline is not None
    assert start + 60 <= call.deadline <= time.monotonic() + 60


async def test_large_requests_wait_for_each_other_until_their_deadlines() -> None:
    handlers = Handlers()
    dispatcher, method = a_dispatcher(handlers, SingleUser()).dispatcher, replace(LIST_RUNS, handler=handlers.list_runs)
    data = run_pb2.ListRunsRequest(filter="x" * LARGE_SIZE).SerializeToString()
    start = time.monotonic()
    async with dispatcher._large:
        late = await dispatcher.dispatch_bytes(method, data, Caller("test", timeout_seconds=0.05))
        assert late.status.code_name == "DEADLINE_EXCEEDED"
        waiting = asyncio.ensure_future(dispatcher.dispatch_bytes(method, data, Caller("test", timeout_seconds=60.0)))
        await asyncio.sleep(0.05)
        assert not handlers.called
    assert (await waiting).status.code_name == "OK"
    [call] = handlers.calls
    assert call.deadline is not None
    assert call.deadline <= start + 60.1, "what it waited counts"


async def test_single_user_mode_sees_every_namespace_and_keeps_none() -> None:
    handlers = Handlers()
    await ask(a_dispatcher(handlers, SingleUser()), LIST_RUNS, Caller("test"))
    assert handlers.calls[0].scope() == Scope(namespace="", namespace_filter=None)
    assert handlers.calls[0].deadline is None


async def test_an_open_method_has_no_scope() -> None:
    handlers = Handlers()
    await ask(a_dispatcher(handlers, SingleUser()), HEALTHZ, Caller("test"))
    with pytest.raises(RuntimeError, match="no scope"):
        handlers.calls[0].scope()


@pytest.mark.parametrize("sent", ["", "x" * 65, "a\nb", "é"])
async def test_a_request_id_that_must_not_be_logged_is_replaced_by_one_of_ours(sent: str) -> None:
    handlers = Handlers()
    await ask(a_dispatcher(handlers, SingleUser()), LIST_RUNS, Caller("test", metadata={"x-request-id": sent}))
    [call] = handlers.calls
    assert call.request_id not in ("", sent)
    assert call.request_id == call.request_id


async def test_the_log_has_the_request_ids_of_callers_and_of_bugs_only() -> None:
    dispatcher = a_dispatcher(Handlers(), SingleUser())
    with logged_lines() as lines:
        await ask(dispatcher, LIST_RUNS, Caller("test"))
        await ask(dispatcher, LIST_RUNS, Caller("test", metadata={"x-request-id": "req-7"}))
        await ask(dispatcher, LIST_RUNS, Caller("test"), page_token="bug")
    assert "request_id" not in lines[0]
    assert lines[1]["request_id"] == "req-7"
    assert lines[2]["request_id"]
