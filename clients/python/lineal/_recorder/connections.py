"""Where a process records to: one connection per server and options, which all runs of the process share."""

import atexit
import time

from lineal._recorder import leftovers
from lineal._recorder.locks import lock
from lineal._recorder.server import AWAY_SECONDS, BRIEF_SECONDS, Server
from lineal._recording import Options, Recording
from lineal.settings import Settings


class Connection:
    """What takes the changes of a process, and what asks the server."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self.settings, self.options = settings, options
        self.recording = Recording(settings, options)
        self.server = Server(settings)
        self.fingerprints: set[str] = set()
        """Of tasks that succeeded in this process: the server may not have them yet."""
        self._gave_up_at: float | None = None

    def flush(self, deadline: float) -> bool:
        """Wait until the server has everything; return whether it has. `deadline` is a time of time.monotonic()."""
        is_complete = self.recording.flush(max(0.0, deadline - time.monotonic()))
        self._gave_up_at = None if is_complete else time.monotonic()
        return is_complete

    def close_at_exit(self) -> None:
        """Close the recording without waiting for a server that was just waited for in vain; otherwise it closes itself."""
        if self._gave_up_at is not None and time.monotonic() - self._gave_up_at < AWAY_SECONDS:
            self.recording.close(BRIEF_SECONDS)


_connections: dict[tuple[Settings, Options], Connection] = {}


def connection_to(settings: Settings, options: Options) -> Connection:
    """Return the connection of this process with these settings: the runs of a process share what can be sent together."""
    with lock:
        connection = _connections.get((settings, options))
        if connection is None:
            connection = _connections[settings, options] = Connection(settings, options)
            # After the recording has registered its own end: what is registered later is called earlier.
            atexit.unregister(_end)
            atexit.register(_end)
        return connection


def _end() -> None:
    leftovers.end_all()
    for connection in _connections.values():
        connection.close_at_exit()
