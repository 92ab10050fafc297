"""Where a process records to: one connection per server and options, which all runs of the process share."""

from lineal._recorder import leftovers
from lineal._recorder.locks import lock
from lineal._recorder.server import Server
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


_connections: dict[tuple[Settings, Options], Connection] = {}


def connection_to(settings: Settings, options: Options) -> Connection:
    """Return the connection of this process with these settings: the runs of a process share what can be sent together."""
    with lock:
        connection = _connections.get((settings, options))
        if connection is None:
            connection = _connections[settings, options] = Connection(settings, options)
            leftovers.watch_program()
        return connection
