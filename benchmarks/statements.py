"""The statements that each operation executes: how many, and with which arguments. The benchmarks of calls and of the limit use this.

A server runs with drivers that write down every statement (`statement_log`), and gets one call at a time.
"""

import pickle
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.clients import Clients, Server
from benchmarks.sides import CHECKOUT, Side, serving
from benchmarks.stored import Stored

CALLS = 3
RECORDED = "recorded"
"""The server's name among those of its client."""

LOG = CHECKOUT / "benchmarks" / "statement_log"
_FRAMES = ("BEGIN", "START TRANSACTION", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "SET ", "PRAGMA", "SHOW ")
"""How statements begin that only frame others."""

Statement = tuple[str, tuple[Any, ...] | None]
"""Its text, and its arguments; None if it was executed as text."""


@dataclass(frozen=True, slots=True)
class Recorder:
    """A server whose statements are written down, and a client for it."""

    clients: Clients
    path: Path

    def of_call(self, operation: str) -> list[Statement]:
        """Call once and return the statements, without those that only begin, end or configure transactions."""
        before = self.path.stat().st_size
        self.clients.call(RECORDED, operation, clients=1, seconds=0)
        return [one for one in _read(self.path, before) if not is_frame(one[0])]

    def count(self, operation: str) -> float:
        """Return how many statements a call executes on average, after a first one."""
        self.of_call(operation)
        return round(statistics.mean(len(self.of_call(operation)) for _ in range(CALLS)), 1)

    def frames(self) -> list[str]:
        """Return the statements so far that only frame others, each once."""
        return list(dict.fromkeys(text for text, _ in _read(self.path, 0) if is_frame(text)))


@contextmanager
def recording(side: Side, store: str, stored: Stored, folder: Path) -> Iterator[Recorder]:
    """Serve a store with a side's code until the block ends, with its statements written down."""
    path = folder / f"{side.name}.statements"
    path.touch()
    logging = replace(side, first=(LOG, *side.first), variables={"BENCHMARK_STATEMENTS": str(path)})
    with (
        serving(logging, store, folder / f"{side.name}.recorded") as server,
        Clients({RECORDED: Server(server.grpc, server.rest, stored)}, processes=1) as clients,
    ):
        yield Recorder(clients, path)


def is_frame(statement: str) -> bool:
    """Return whether a statement only begins, ends or configures transactions."""
    text = statement.lstrip(" ;").upper()
    return not text or text.startswith(_FRAMES)


def _read(path: Path, position: int) -> Iterator[Statement]:
    with path.open("rb") as file:
        file.seek(position)
        while True:
            try:
                yield pickle.load(file)
            except EOFError:
                return
