"""Serves ML Metadata's own core over gRPC, as its server does; run in that library's environment: `python mlmd_servicer.py STORE THREADS`.

STORE is a file's path or the URL of a MySQL database. Requests and answers pass as bytes to the wheel's compiled store. Each thread has
a store of its own, whose connection stays open. It imports nothing of this project.
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

import grpc
from ml_metadata import errors
from ml_metadata.metadata_store.pywrap.metadata_store_extension import metadata_store as core
from ml_metadata.proto import metadata_store_pb2 as mlmd

SERVICE = "ml_metadata.MetadataStoreService"


def config_of(store: str) -> mlmd.ConnectionConfig:
    """Return how the core connects to a store."""
    config = mlmd.ConnectionConfig()
    if store.startswith("mysql:"):
        parts = urlsplit(store)
        config.mysql.host, config.mysql.port, config.mysql.database = parts.hostname, parts.port, parts.path[1:]
        config.mysql.user, config.mysql.password = parts.username, unquote(parts.password)
    else:
        config.sqlite.filename_uri = store
        config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config


class Servicer(grpc.GenericRpcHandler):
    """Passes every call of the service to the core."""

    def __init__(self, config: mlmd.ConnectionConfig) -> None:
        self._config = config.SerializeToString()
        self._migration = mlmd.MigrationOptions().SerializeToString()
        self._threads = threading.local()
        self._store()

    def _store(self):
        if not hasattr(self._threads, "store"):
            self._threads.store = core.CreateMetadataStore(self._config, self._migration)
        return self._threads.store

    def service(self, details: grpc.HandlerCallDetails):
        """Return the handler of a method, if the core has it."""
        service, _, name = details.method.lstrip("/").partition("/")
        if service != SERVICE or not hasattr(core, name):
            return None
        method = getattr(core, name)

        def handle(request: bytes, context: grpc.ServicerContext) -> bytes:
            answer, message, status = method(self._store(), request)
            if status:
                code = next(code for code in grpc.StatusCode if code.value[0] == status)
                context.abort(code, message.decode(errors="replace"))
            return answer

        return grpc.unary_unary_rpc_method_handler(handle)


def main() -> None:
    """Serve until the process is ended."""
    store, threads = sys.argv[1], int(sys.argv[2])
    try:
        servicer = Servicer(config_of(store))
    except errors.StatusError as error:
        raise SystemExit(f"the store cannot be opened: {error}") from error
    server = grpc.server(ThreadPoolExecutor(threads), handlers=[servicer])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
