"""Calls in helper processes: they end with their callers, and the process goes on."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from lineal.v2beta1 import run_pb2

from server.calls import elsewhere
from server.calls.admission import Admission
from server.calls.apart import HELPERS_MAX, serialized
from server.calls.call import Call, Shared
from server.calls.caller import Caller, Identity, Scope
from server.calls.elsewhere import _KNOWN_BYTES, FIRST_SIZE, Elsewhere, Recipe
from server.config import Settings
from storage.errors import TooManyRows
from storage.pages import PageTokens
from tests.faults.waiting import until
from tests.server.test_apart import is_alive

ROWS_MAX = 7


class Nothing:
    """A store that is never asked."""

    def until(self, deadline: float | None) -> "Nothing":
        return self

    async def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Opening:
    """Opens nothing."""

    def open(self) -> Any:
        return Nothing()


tried: list[str] = []
"""The requests that were tried in this process."""

RECIPE = Recipe(Opening(), b"key", Settings())


async def in_helpers(call: Call, request: run_pb2.GetRunRequest) -> run_pb2.Run:
    """Answer with the id of the process, in helpers only."""
    if call.rows_max is not None:
        tried.append(request.run_id)
        raise TooManyRows
    return run_pb2.Run(run_id=str(os.getpid()), display_name=call.scope().namespace)


async def late_in_helpers(call: Call, request: run_pb2.GetRunRequest) -> run_pb2.Run:
    """The same, but only the first call finds out by itself; the others look before they would read."""
    if call.rows_max is not None and tried:
        await asyncio.sleep(0)
        call.check_known()
        raise AssertionError("it would have read")
    return await in_helpers(call, request)


async def waiting(call: Call, request: run_pb2.GetRunRequest) -> run_pb2.Run:
    """Create the file of a name, and wait for ever; when cancelled, write the process's id into it."""
    if call.rows_max is not None:
        raise TooManyRows
    note(request.run_id, "")
    try:
        await asyncio.Event().wait()
    finally:
        note(request.run_id, str(os.getpid()))
    raise AssertionError


def note(path: str, text: str) -> None:
    """Write a file."""
    Path(path).write_text(text)


class Asking:
    """What answers calls here and elsewhere, and a call of somebody in a namespace."""

    def __init__(self) -> None:
        self.admission = Admission(calls_max=1, bytes_max=HELPERS_MAX * FIRST_SIZE)
        self.elsewhere = Elsewhere(RECIPE, self.admission)
        store: Any = Nothing()
        self.shared = Shared(store=store, tokens=PageTokens(b"key"), settings=Settings(), rows_max=ROWS_MAX)

    async def ask(self, handler: Any, run_id: str = "", timeout_seconds: float | None = None) -> run_pb2.Run:
        """Call a handler."""
        call = Call(self.shared, Caller("test", timeout_seconds=timeout_seconds), start=time.monotonic())
        call.admit(Identity("somebody"), Scope("their namespace", None))
        answer = await self.elsewhere.answer(handler, call, run_pb2.GetRunRequest(run_id=run_id), serialized)
        return run_pb2.Run.FromString(answer.data)


@pytest_asyncio.fixture
async def asking() -> AsyncIterator[Asking]:
    """An Asking of the test's own, whose processes end with it."""
    one = Asking()
    yield one
    await one.elsewhere.close()


async def test_a_call_has_its_scope_there(asking: Asking) -> None:
    answer = await asking.ask(in_helpers)
    assert answer.display_name == "their namespace"
    assert answer.run_id != str(os.getpid())


async def test_what_reads_too_much_is_not_tried_here_again(asking: Asking) -> None:
    tried.clear()
    for run_id in ("one", "one", "two", "x" * _KNOWN_BYTES, "x" * _KNOWN_BYTES):
        await asking.ask(in_helpers, run_id)
    assert [run_id[:3] for run_id in tried] == ["one", "two", "xxx", "xxx"], "large requests are not remembered"


async def test_equal_calls_that_wait_for_their_turn_notice(asking: Asking) -> None:
    tried.clear()
    await asyncio.gather(*(asking.ask(late_in_helpers, "one") for _ in range(3)))
    assert tried == ["one"]


async def test_few_requests_are_remembered(asking: Asking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "_KNOWN_MAX", 2)
    tried.clear()
    for run_id in ("one", "two", "one", "three", "one", "two"):
        await asking.ask(in_helpers, run_id)
    assert tried == ["one", "two", "three", "two"], "the one that was asked for longest ago is forgotten first"


async def test_a_call_ends_when_its_caller_leaves_and_its_process_goes_on(asking: Asking, tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(HELPERS_MAX)]
    calls = [asyncio.ensure_future(asking.ask(waiting, str(file))) for file in files]
    await until(lambda: all(file.exists() for file in files))
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    await until(lambda: all(file.read_text() for file in files))
    assert (await asking.ask(in_helpers)).run_id in {file.read_text() for file in files}


async def test_a_call_ends_at_its_deadline(asking: Asking, tmp_path: Path) -> None:
    file = tmp_path / "note"
    await asking.ask(in_helpers)  # starts the process
    with pytest.raises(TimeoutError):
        await asking.ask(waiting, str(file), timeout_seconds=0.5)
    assert file.read_text()


async def test_a_call_waits_until_there_is_memory_for_its_answer(asking: Asking) -> None:
    others = asking.admission.holding()
    others.hold(HELPERS_MAX * FIRST_SIZE)
    call = asyncio.ensure_future(asking.ask(in_helpers))
    await asyncio.sleep(0.1)
    assert not call.done()
    others.leave()
    size = (await call).ByteSize()
    assert not asking.admission.bytes
    others.hold(HELPERS_MAX * FIRST_SIZE - size)
    await asking.ask(in_helpers)  # whose answer is known to be smaller


async def test_processes_end_with_their_server(asking: Asking) -> None:
    process_id = int((await asking.ask(in_helpers)).run_id)
    assert is_alive(process_id)
    await asking.elsewhere.close()
    await until(lambda: not is_alive(process_id))
