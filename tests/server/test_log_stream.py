"""A reader of standard error that stalls loses lines, and never stops a call."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from server.process.log_stream import PENDING_BYTES, LogStream

LINE = "x" * 999 + "\n"
HANGING_SECONDS = 60


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its reading end and its writing end."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def read_all(descriptor: int, stream: LogStream) -> str:
    """Read until nothing more is pending."""
    os.set_blocking(descriptor, False)
    data = b""
    while True:
        stream.flush()
        try:
            data += os.read(descriptor, 2**20)
        except BlockingIOError:
            return data.decode()


def test_lines_go_through_as_they_are(pipe: tuple[int, int]) -> None:
    stream = LogStream(pipe[1])
    stream.write("one é\n")
    stream.write("two \udcff\n")
    assert read_all(pipe[0], stream) == "one é\ntwo \\udcff\n"


def test_a_reader_that_stalls_for_a_while_misses_nothing(pipe: tuple[int, int]) -> None:
    stream = LogStream(pipe[1])
    lines = [f"{number} {LINE}" for number in range(500)]  # more than a pipe holds
    for line in lines:
        stream.write(line)
    assert read_all(pipe[0], stream) == "".join(lines)


def test_a_line_of_any_length_arrives_whole(pipe: tuple[int, int]) -> None:
    stream = LogStream(pipe[1])
    stream.write("y" * 500_000 + "\n")
    stream.write("z\n")
    assert read_all(pipe[0], stream) == "y" * 500_000 + "\nz\n"


def test_a_reader_that_stalls_for_long_is_told_how_many_lines_it_misses(pipe: tuple[int, int]) -> None:
    stream = LogStream(pipe[1])
    count = 3 * PENDING_BYTES // len(LINE)
    for _ in range(count):
        stream.write(LINE)
    *lines, last = read_all(pipe[0], stream).splitlines()
    loss = json.loads(last)
    assert loss["event"] == "log lines lost"
    assert (len(lines) + loss["lines"], len(lines) >= PENDING_BYTES // len(LINE)) == (count, True)
    stream.write("later\n")
    assert read_all(pipe[0], stream) == "later\n"


def test_a_reader_that_is_gone_stops_nothing() -> None:
    reading, writing = os.pipe()
    stream = LogStream(writing)
    os.close(reading)
    for _ in range(3):
        assert stream.write(LINE) == len(LINE)
    os.close(writing)


@pytest.mark.slow
def test_a_process_whose_log_nobody_reads_goes_on() -> None:
    program = (
        "from server.process import telemetry\n"
        "telemetry.configure(level='info', format='json')\n"
        "for number in range(20_000): telemetry.log.info('call', number=number)\n"
        "print('done', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"  # nothing of standard error was read
        assert process.wait(HANGING_SECONDS) == 0
