"""Lines of calls are those of the general form, and are written together without one being lost."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.process.log_lines import CallLines, Clock, json_line
from server.process.log_stream import LogStream
from server.process.telemetry import BATCH_LINES, BATCH_SECONDS, Log

OK_CALL = ("kfp", "RunService.GetRun", "grpc", "127.0.0.1:5", "OK", 0.12)


class Stopped(Clock):
    """A clock that stands still."""

    def text(self) -> str:
        return "2026-01-02T03:04:05.000006Z"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def a_log(pipe: tuple[int, int], *, level: int = logging.INFO) -> Log:
    log = Log()
    log.configure(LogStream(pipe[1]), level=level, is_text=False)
    return log


def lines_in(pipe: tuple[int, int]) -> list[dict[str, object]]:
    try:
        return [json.loads(line) for line in os.read(pipe[0], 2**20).splitlines()]
    except BlockingIOError:
        return []


words = st.text(max_size=20)
more = st.dictionaries(st.sampled_from(["request_id", "reason", "message"]), words)
milliseconds = st.floats(min_value=0, allow_infinity=False, allow_nan=False).map(lambda value: round(value, 2))


@given(words, words, words, words, st.sampled_from(["OK", "NOT_FOUND"]), milliseconds, more)
def test_the_line_of_a_call_is_the_general_one_byte_for_byte(
    api: str, method: str, door: str, peer: str, code: str, ms: float, more: Mapping[str, str]
) -> None:
    fields = {"api": api, "method": method, "door": door, "peer": peer, "code": code, "ms": ms, **more}
    fields |= {"event": "call", "level": "info", "timestamp": Stopped().text(), "pid": os.getpid()}
    lines = CallLines(Stopped())
    for _ in range(2):  # the second time with what was kept of the first
        assert lines.line(api, method, door, peer, code, ms, more) == json_line(fields)


async def test_lines_of_calls_are_written_together_a_moment_later(pipe: tuple[int, int]) -> None:
    log = a_log(pipe)
    for _ in range(3):
        log.call(*OK_CALL, {})
    assert lines_in(pipe) == []
    await asyncio.sleep(3 * BATCH_SECONDS)
    assert [line["method"] for line in lines_in(pipe)] == ["RunService.GetRun"] * 3


async def test_many_lines_do_not_wait(pipe: tuple[int, int]) -> None:
    log = a_log(pipe)
    for _ in range(BATCH_LINES):
        log.call(*OK_CALL, {})
    assert len(lines_in(pipe)) == BATCH_LINES


async def test_an_error_is_written_at_once_and_after_the_calls_before_it(pipe: tuple[int, int]) -> None:
    log = a_log(pipe)
    log.call(*OK_CALL, {})
    log.error("call", error_id="7", exc_info=ValueError("why"))
    first, second = lines_in(pipe)
    assert (first["level"], second["level"], second["error_id"]) == ("info", "error", "7")
    assert str(second["exception"]).endswith("ValueError: why")


async def test_a_higher_level_writes_no_calls(pipe: tuple[int, int]) -> None:
    log = a_log(pipe, level=logging.WARNING)
    log.call(*OK_CALL, {})
    log.flush()
    assert lines_in(pipe) == []


async def test_lines_of_calls_are_the_same_where_they_are_passed_on(pipe: tuple[int, int]) -> None:
    log, passed = a_log(pipe), []
    log.call(*OK_CALL, {"reason": "x"})
    log.flush()
    with log.lines_passed_to(lambda level, event, fields: passed.append({**fields, "event": event, "level": level})):
        log.call(*OK_CALL, {"reason": "x"})
    [written] = lines_in(pipe)
    assert passed == [{name: value for name, value in written.items() if name not in ("timestamp", "pid")}]


def test_a_program_that_ends_loses_no_line() -> None:
    program = (
        "import asyncio\nfrom server.process.telemetry import configure, log\nconfigure(level='info', format='json')\n"
        "async def main(): log.call('kfp', 'm', 'grpc', 'p', 'OK', 1.0, {})\nasyncio.run(main())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["call"]


def test_pieces_of_many_lines_end_with_a_line() -> None:
    reading, writing = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # where each write is a packet
    with reading, writing:
        LogStream(writing.fileno()).write(("x" * 999 + "\n") * 6)
        pieces = [reading.recv(2**20) for _ in range(2)]
    assert [len(piece) for piece in pieces] == [4000, 2000]
