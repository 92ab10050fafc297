"""Real `lineal-server serve` processes on loopback, to be killed, drained and started again.

Called by tests, by the examples' test and by long runs:

    with serving(url) as server:
        Api(server.grpc)
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from server.process.telemetry import BATCH_SECONDS
from tests.databases import processes
from tests.databases.account import temporary_folder
from tests.databases.private import hold_lifeline

PROGRAM = Path(sys.executable).parent / "lineal-server"
ANY_PORT = "127.0.0.1:0"

# Bounds against hanging, not expectations: a start takes half a second, a stop at most the drain time.
START_SECONDS = 60.0
STOP_SECONDS = 90.0

ANNOUNCED = re.compile(r"gRPC on (\S+), REST on http://(\S+), store")


class ServerDied(RuntimeError):
    """A server ended, or did not come up in time; carries the end of its log."""


class Server:
    """One `lineal-server serve` process on free ports, with its output in a folder of its own.

    Not started by its making: call start(), and close() in the end, or use serving(). When the process that made it
    dies, in whatever way, the server ends and its folder goes.
    """

    def __init__(
        self, store: str, *arguments: str, environment: Mapping[str, str] | None = None, program: Path = PROGRAM
    ) -> None:
        """`arguments` follow `serve`; `environment` is added to ours, from which LINEAL_* variables are taken."""
        self.store = store
        self._command = [str(program), "serve", "--store", store, "--grpc", ANY_PORT, "--rest", ANY_PORT, *arguments]
        self._environment = clean_environment(environment)
        self._folder = temporary_folder("lineal-server-")
        self._lock = hold_lifeline(self._folder / "lifeline")
        self._watch: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._addresses = ("", "")

    @property
    def grpc(self) -> str:
        """Where it took gRPC calls when it last started."""
        return self._addresses[0]

    @property
    def rest(self) -> str:
        """Where it took HTTP requests when it last started."""
        return self._addresses[1]

    @property
    def folder(self) -> Path:
        """Where its `log` (standard error) and `output` (standard output) lie."""
        return self._folder

    @property
    def process_id(self) -> int:
        """The id of the (parent) process. Raises ServerDied when it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise ServerDied(f"the server does not run\n{self.log_text()[-3000:]}")
        return self._process.pid

    def start(self) -> "Server":
        """Start the process; returns itself when it serves. Raises ServerDied with the end of its log."""
        self.launch()
        return self.await_serving()

    def await_serving(self) -> "Server":
        """Wait for a launched process; returns itself when it serves. Raises ServerDied with the end of its log."""
        deadline = time.monotonic() + START_SECONDS
        while not (found := ANNOUNCED.search(self._output())):
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.kill()
                raise ServerDied(f"the server did not start\n{self.log_text()[-3000:]}")
            time.sleep(0.005)
        self._addresses = (found[1], found[2])
        return self

    def launch(self) -> None:
        """Start the process without waiting for it; await_serving() does that."""
        self._watch = self._watch or processes.start_watch(self._folder / "lifeline", self._folder, signal.SIGKILL)
        with (self._folder / "output").open("wb") as output, (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                # Ctrl-C in the terminal is for the tests, not for their server.
                start_new_session=True,
            )
        processes.note_process(self._folder, self._process.pid)

    def kill(self) -> None:
        """End the process with SIGKILL, and wait for that; workers are left to notice it themselves."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def terminate(self) -> None:
        """Send SIGTERM; wait() tells when it has ended."""
        os.kill(self.process_id, signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the process to end and return its exit status. Raises ServerDied when it takes too long."""
        assert self._process is not None
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise ServerDied(f"the server did not stop\n{self.log_text()[-3000:]}") from error

    def workers(self) -> list[int]:
        """The process ids of its running workers."""
        return [member for member in processes.family(self.process_id)[1:] if processes.is_running(member)]

    def log_text(self) -> str:
        """What it wrote to standard error since it was made, over all its starts."""
        path = self._folder / "log"
        if self._process and self._process.poll() is None:
            time.sleep(2 * BATCH_SECONDS)  # for the lines of calls that wait to be written
        return path.read_text(errors="replace") if path.exists() else ""

    def log_lines(self) -> list[dict[str, Any]]:
        """The log, line by line; fails when one of them is not JSON."""
        return [json.loads(line) for line in self.log_text().splitlines()]

    def calls(self, method: str) -> list[dict[str, Any]]:
        """The log's lines of one method's calls."""
        return [line for line in self.log_lines() if line["event"] == "call" and line["method"].endswith(method)]

    def close(self) -> None:
        """End the process and its workers and remove its output; the second time nothing happens."""
        if self._process and self._process.poll() is None:
            processes.kill_all(self._process.pid)
            self._process.wait()
        if self._watch:
            self._watch.kill()
            self._watch.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _output(self) -> str:
        return (self._folder / "output").read_text(errors="replace")


@contextmanager
def serving(store: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """A started Server, closed at the end of the block."""
    server = Server(store, *arguments, environment=environment)
    try:
        yield server.start()
    finally:
        server.close()


def clean_environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Our environment without the LINEAL_* settings of whoever runs the tests, and with these changes."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LINEAL_")}
    return inherited | dict(changes or {})


def run_program(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `lineal-server` with these arguments to its end, and return its status and words."""
    return subprocess.run(
        [str(PROGRAM), *arguments],
        check=False,
        cwd=cwd,
        env=clean_environment(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=STOP_SECONDS,
    )
