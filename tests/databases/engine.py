"""What the harness must know of a database server to run it and to make databases in it; one object per kind."""

import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

from tests.databases.account import hand_over, servers_account

ACCOUNT = "lineal"
"""The account, with all rights, that private servers know."""

PASSWORD_FILE = "password"
DATA_FOLDER = "data"


class NotAnswering(ConnectionError):
    """The server does not answer a query (yet)."""


class Engine(Protocol):
    """One kind of server: how it is set up, run, and given databases. All calls block."""

    kind: str
    home: str
    """The database, if any, that an administrator who wants none in particular connects to."""
    stop_signal: signal.Signals
    """Asks for a clean end: no recovery at the next start."""
    quit_signal: signal.Signals
    """Asks for the quickest end that leaves nothing behind in the kernel."""

    kill_leaves_traces: bool
    """Whether SIGKILL leaves something in the kernel (shared memory) that only the next start removes."""

    def initialise(self, folder: Path) -> None:
        """Make DATA_FOLDER and PASSWORD_FILE in the folder.

        Raises DatabaseMissing, or RuntimeError with what the server's tool said.
        """

    def command(self, folder: Path, port: int, settings: Mapping[str, str]) -> list[str]:
        """The command that serves the folder on 127.0.0.1:port in the foreground."""

    def ping(self, server_url: str, *, is_starting: bool = False) -> None:
        """Return when a query is answered; raises NotAnswering otherwise. Only a server of ours can be starting."""

    def create(self, server_url: str, name: str, *, template: str | None = None) -> None:
        """Create a database, empty or as a copy of the template, to which no client may be connected."""

    def drop(self, server_url: str, name: str) -> None:
        """Drop a database, ending the connections to it; nothing happens when it does not exist."""

    def names(self, server_url: str, prefix: str) -> list[str]:
        """The databases whose name begins with the prefix."""


def with_database(server_url: str, name: str) -> str:
    """The URL of a database on the server."""
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


def database_in(url: str) -> str:
    """The name of the database a URL leads to."""
    return urlsplit(url).path.lstrip("/")


def local_url(engine: Engine, folder: Path, port: int) -> str:
    """The URL of the private server that serves the folder, as its administrator."""
    password = (folder / PASSWORD_FILE).read_text()
    return urlunsplit(SplitResult(engine.kind, f"{ACCOUNT}:{password}@127.0.0.1:{port}", f"/{engine.home}", "", ""))


def make_password(folder: Path) -> str:
    """Write a new random password to the folder's PASSWORD_FILE, readable by the servers' account only."""
    password = secrets.token_hex(16)
    path = folder / PASSWORD_FILE
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password)
    hand_over(path)
    return password


def run_tool(command: list[str], folder: Path) -> None:
    """Run a server's set-up tool in the folder, as the servers' account. Raises RuntimeError with its output."""
    done = subprocess.run(
        command,
        check=False,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **servers_account(),
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}")
