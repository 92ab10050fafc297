"""The Lineal server: two doors, one pipeline, and the rules of every RPC. Nothing outside this package imports it."""

import os

__version__ = "0.1.0"

# Before gRPC is imported, which reads it once: its core writes to standard error by itself, and what clients send with it, so that
# they could forge lines of the log. Whoever looks for a fault in it sets the variable.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
