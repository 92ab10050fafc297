"""A database server of one's own, to be killed, frozen and started again. Called by tests, benchmarks and long runs."""

import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.databases import processes
from tests.databases.account import hand_over, servers_account, temporary_folder
from tests.databases.engine import DATA_FOLDER, Engine, NotAnswering, local_url
from tests.databases.mysql import Mysql
from tests.databases.postgresql import Postgresql

ENGINES: Mapping[str, Engine] = {engine.kind: engine for engine in (Postgresql(), Mysql())}
"""The kinds of which there are servers."""

START_SECONDS = 120.0
STOP_SECONDS = 60.0

# Below the range from which Linux takes the ports of outgoing connections: a client that keeps dialling the port of a
# server that is down would otherwise connect to itself one day, and the server could not come back.
PORTS = (15000, 32000)
PORT_ATTEMPTS = 5


class ServerDied(RuntimeError):
    """The server's process ended, or did not answer in time; carries the end of its log."""


class PrivateServer:
    """One server on 127.0.0.1 with a random port and password, and its data in a folder of its own.

    Not started by its making: call start(), and close() in the end, or use private_server(). The settings are the
    server's own (`{"fsync": "off"}`); by default it is as durable as the database's makers ship it. When the process
    that made it dies, in whatever way, the server ends and its folder goes.
    """

    def __init__(
        self,
        kind: str,
        *,
        settings: Mapping[str, str] | None = None,
        prepared: Path | None = None,
        lifeline: Path | None = None,
        place: Path | None = None,
    ) -> None:
        """`prepared` is a folder from prepare(), copied instead of setting a server up anew.

        `lifeline` is a file that a process keeps locked: the server then lives as long as that process instead.
        `place` is where its folder lies, by default among the system's temporary ones.
        """
        self.kind = kind
        self._engine = ENGINES[kind]
        self._settings = dict(settings or {})
        self._prepared = prepared
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._folder = temporary_folder(f"lineal-{kind}-", place=place)
        self._lifeline = lifeline or self._folder / "lifeline"
        self._lock = None if lifeline else hold_lifeline(self._lifeline)
        self._watch: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The administrator's URL; the same over all restarts."""
        return local_url(self._engine, self._folder, self._port)

    @property
    def folder(self) -> Path:
        """Where its data lie, and its `log`."""
        return self._folder

    @property
    def process_id(self) -> int | None:
        """The id of the server's (parent) process; None when it is not running."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server, at first on new data and a free port, later where it was; returns when it answers.

        Nothing happens when it runs. Raises ServerDied, or DatabaseMissing when its programs are not here.
        """
        if self.process_id:
            return
        if self._port:
            self._launch()
            return
        self._fill_folder()
        for attempt in range(1, PORT_ATTEMPTS + 1):
            self._port = free_port()
            try:
                return self._launch()
            except ServerDied:
                # Another process may have taken the port in between.
                if attempt == PORT_ATTEMPTS:
                    raise

    def stop(self) -> None:
        """Shut the server down cleanly; its data stay for the next start."""
        self.resume()
        if self._process and self.process_id:
            self._process.send_signal(self._engine.stop_signal)
            self._process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """End all of the server's processes at once with SIGKILL; its data stay as they are for the next start."""
        self._frozen = []
        if self._process and self.process_id:
            processes.kill_all(self._process.pid)
            self._process.wait()

    def pause(self) -> None:
        """Freeze all of the server's processes: connections stay open, and nothing answers until resume()."""
        if self.process_id:
            self._frozen = processes.freeze(self.process_id)

    def resume(self) -> None:
        """Let a paused server go on; nothing happens when it is not paused."""
        processes.thaw(self._frozen)
        self._frozen = []

    def close(self) -> None:
        """End the server as fast as it can go and remove its data; the second time nothing happens."""
        killed = self._process is not None and self._process.poll() == -signal.SIGKILL
        if killed and self._engine.kill_leaves_traces and self._folder.exists():
            with suppress(ServerDied):
                self.start()
        if self._process and self.process_id:
            processes.end_noted(self._folder, self._engine.quit_signal)
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._watch:
            self._watch.kill()
            self._watch.wait()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _fill_folder(self) -> None:
        hand_over(self._folder)
        if not self._prepared:
            self._engine.initialise(self._folder)
            return
        # As root this keeps the owner, which no function of Python's does.
        subprocess.run(["cp", "-a", *self._prepared.iterdir(), str(self._folder)], check=True)

    def _launch(self) -> None:
        self._watch = self._watch or processes.start_watch(self._lifeline, self._folder, self._engine.quit_signal)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._engine.command(self._folder, self._port, self._settings),
                cwd=self._folder / DATA_FOLDER,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for the tests, not for their server.
                start_new_session=True,
                **servers_account(),
            )
        processes.note_process(self._folder, self._process.pid)
        self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self._engine.ping(self.url, is_starting=True)
            except NotAnswering as error:
                if self.process_id is None or time.monotonic() > deadline:
                    self.kill()
                    log = (self._folder / "log").read_text(errors="replace")
                    raise ServerDied(f"{self.kind} did not start: {error}\n{log[-3000:]}") from error
            time.sleep(0.01)


@contextmanager
def private_server(
    kind: str, *, settings: Mapping[str, str] | None = None, prepared: Path | None = None
) -> Iterator[PrivateServer]:
    """A started PrivateServer, closed at the end of the block.

    with private_server("postgresql") as server:
        url = create_database("postgresql", server=server.url)
    """
    server = PrivateServer(kind, settings=settings, prepared=prepared)
    try:
        server.start()
        yield server
    finally:
        server.close()


def prepare(kind: str, folder: Path) -> Path:
    """Set up a server's data in the new folder, for PrivateServer(prepared=…); returns the folder."""
    folder.mkdir()
    hand_over(folder)
    ENGINES[kind].initialise(folder)
    return folder


def hold_lifeline(path: Path) -> int:
    """Create and lock the file; servers that follow it live until the returned descriptor is closed or we die."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def free_port() -> int:
    """A port on 127.0.0.1 on which nothing listens at the moment."""
    while True:
        # Not from the generator that test tools seed: parallel runs would all try the same ports.
        port = random.SystemRandom().randrange(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
