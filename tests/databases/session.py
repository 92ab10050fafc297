"""What one run of the suite shares among its processes: the servers, their prepared data, the migrated templates.

The first process opens the session and names its folder in the environment; the workers it starts, and whatever they
start, find it there. Things are made when they are first needed, once, under a lock. Called by the harness only.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.databases import processes
from tests.databases.account import memory, temporary_folder
from tests.databases.engine import NotAnswering
from tests.databases.private import ENGINES, STOP_SECONDS, PrivateServer, hold_lifeline, prepare
from tests.databases.programs import VARIABLES, DatabaseMissing

FOLDER_VARIABLE = "LINEAL_TEST_SESSION"
NAME_PREFIX = "lineal_test_"
"""What the names of all databases made for tests begin with."""

# The shared servers lose nothing when they are killed, only when the machine loses power: dropping a database takes
# 4 ms instead of 300.
RELAXED = {
    "postgresql": {"fsync": "off"},
    "mysql": {"innodb-flush-log-at-trx-commit": "2", "innodb-flush-method": "nosync"},
}

# A worker that leaves must not end the server, nor complain that it still runs.
_started_here: list[PrivateServer] = []


class NoSession(RuntimeError):
    """There is no session, so there are no shared servers."""


class Session:
    """The view of one process on the shared session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # The session's own: close() drops what is left of such names on servers that are not ours.
        self.prefix = f"{NAME_PREFIX}{hashlib.sha256(folder.name.encode()).hexdigest()[:8]}_"

    def server_url(self, kind: str) -> str:
        """The administrator's URL of the server that serves the kind: the one the environment names, or ours.

        Raises DatabaseMissing when there is neither and the programs cannot be installed.
        """
        if named := os.environ.get(VARIABLES[kind]):
            return named
        return self.once(f"{kind}.url", lambda: self._start(kind))

    def prepared(self, kind: str) -> Path:
        """The folder of a server just set up, for PrivateServer(prepared=…)."""
        return Path(self.once(f"{kind}.prepared", lambda: str(prepare(kind, self.folder / f"{kind}-prepared"))))

    def once(self, name: str, make: Callable[[], str]) -> str:
        """The answer of make(), called by the first of all processes that asks for the name.

        When make() fails, everyone who asks fails, with the same words as DatabaseMissing.
        """
        answer, failure = self.folder / name, self.folder / f"{name}.failure"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if failure.exists():
                raise DatabaseMissing(failure.read_text())
            if not answer.exists():
                try:
                    made = make()
                except Exception as error:
                    failure.write_text(f"{type(error).__name__}: {error}")
                    raise
                answer.write_text(made)
            return answer.read_text()

    def _start(self, kind: str) -> str:
        server = PrivateServer(
            kind,
            settings=RELAXED[kind],
            prepared=self.prepared(kind),
            lifeline=self.folder / "lifeline",
            place=self.folder.parent,
        )
        _started_here.append(server)
        (self.folder / f"{kind}.folder").write_text(str(server.folder))
        server.start()
        return server.url


class OpenSession(Session):
    """The session of the process that opened it; its servers end with it.

    With `in_memory` the shared servers and SQLite's files take no disk, where the system has room for them.
    """

    def __init__(self, *, in_memory: bool) -> None:
        super().__init__(temporary_folder("lineal-tests-", place=memory() if in_memory else None))
        self._lock = hold_lifeline(self.folder / "lifeline")
        self._watch = processes.start_watch(self.folder / "lifeline", self.folder, signal.SIGKILL)
        os.environ[FOLDER_VARIABLE] = str(self.folder)

    def close(self) -> None:
        """End the servers, drop what tests left on servers that are not ours, remove every file."""
        for kind, engine in ENGINES.items():
            # A server that does not answer has failed its tests already.
            with contextlib.suppress(NotAnswering):
                if named := os.environ.get(VARIABLES[kind]):
                    engine.ping(named)
                    for name in engine.names(named, self.prefix):
                        engine.drop(named, name)
        del os.environ[FOLDER_VARIABLE]
        folders = [Path(note.read_text()) for note in self.folder.glob("*.folder")]
        os.close(self._lock)
        deadline = time.monotonic() + STOP_SECONDS
        while any(folder.exists() for folder in folders) and time.monotonic() < deadline:
            time.sleep(0.01)
        for server in _started_here:
            server.close()
        self._watch.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def current_session() -> Session:
    """The session this process belongs to. Raises NoSession outside of one."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        raise NoSession("no test session: outside of pytest, name the server of private_server() with server=")
    return Session(Path(folder))


def open_session(*, in_memory: bool) -> OpenSession | None:
    """Open a session; None when this process belongs to one already and so has nothing to close."""
    return None if os.environ.get(FOLDER_VARIABLE) else OpenSession(in_memory=in_memory)
