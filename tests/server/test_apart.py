"""What is called apart runs in a helper process; losing it fails one call, and it ends with its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.calls import apart as apart_module
from server.calls.apart import Helpers, apart
from server.errors import InvalidArgument
from server.process import helper
from server.process.helper import Helper
from storage.errors import Unavailable
from tests.faults.waiting import until


def fail(reason: str) -> None:
    """Raise an error of calls."""
    raise InvalidArgument("it is invalid", reason=reason)


def is_alive(process_id: int) -> bool:
    """Whether a process exists and has not ended."""
    try:
        with open(f"/proc/{process_id}/stat") as stat:
            return stat.read().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


async def test_it_runs_in_another_process_that_is_kept() -> None:
    process_ids = {await apart(os.getpid) for _ in range(6)}
    assert os.getpid() not in process_ids
    assert len(process_ids) <= apart_module.HELPERS_MAX


async def test_errors_are_raised_where_it_was_called() -> None:
    with pytest.raises(InvalidArgument, match="it is invalid") as raised:
        await apart(fail, "OF_A_TEST")
    assert raised.value.reason == "OF_A_TEST"


async def test_others_go_on_meanwhile() -> None:
    work = asyncio.ensure_future(apart(sum, range(30_000_000)))
    await asyncio.sleep(0.05)
    assert not work.done()
    assert await work == sum(range(30_000_000))


async def test_a_lost_process_fails_its_own_call_only() -> None:
    with pytest.raises(Unavailable, match="was lost"):
        await apart(os._exit, 1)
    assert await apart(len, "abc") == 3


async def test_what_is_printed_is_no_answer() -> None:
    await apart(print, "x" * 100)
    assert await apart(len, "abc") == 3


async def test_a_process_that_cannot_be_started_fails_its_own_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError("no more processes")

    helpers = Helpers(1, name="test")
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        with pytest.raises(Unavailable, match="has no process"):
            await helpers.run(os.getpid)
    assert await helpers.run(os.getpid) != os.getpid()
    await helpers.close()


async def test_a_process_that_works_on_for_nobody_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart_module, "LEAVE_SECONDS", 0.1)
    helpers = Helpers(1, name="test")
    process_id = await helpers.run(os.getpid)
    work = asyncio.ensure_future(helpers.run(time.sleep, 1000))
    await asyncio.sleep(0.1)
    work.cancel()
    await asyncio.wait([work])
    assert await helpers.run(os.getpid) != process_id
    await helpers.close()


@pytest.fixture
def a_helper() -> Iterator[Helper]:
    """A helper process of this test."""
    process = Helper()
    yield process
    process.end()


async def test_signals_to_the_group_do_not_end_it(a_helper: Helper) -> None:
    assert a_helper.ask(len, ("abc",), {}) == 3
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(a_helper.process_id, number)
    assert a_helper.ask(len, ("abcd",), {}) == 4


async def test_an_idle_one_is_not_asked_again(a_helper: Helper, monkeypatch: pytest.MonkeyPatch) -> None:
    assert a_helper.is_usable()
    monkeypatch.setattr(helper, "HELPER_IDLE_SECONDS", 0.0)
    assert not a_helper.is_usable()


PARENT = """
import os, time
from server.process.helper import Helper
print(Helper().ask(os.getpid, (), {}), flush=True)
time.sleep(1000)
"""


async def test_a_package_in_the_working_directory_is_not_taken_for_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "__init__.py").write_text("raise SystemExit('imported a package of the user')\n")
    monkeypatch.chdir(tmp_path)
    process = Helper()
    try:
        assert process.ask(len, ("abc",), {}) == 3
    finally:
        process.end()


async def test_it_ends_when_its_parent_is_killed() -> None:
    pipe = asyncio.subprocess.PIPE
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=pipe)
    assert parent.stdout is not None
    helper_id = int(await parent.stdout.readline())
    assert is_alive(helper_id)
    parent.kill()
    await parent.wait()
    await until(lambda: not is_alive(helper_id))
