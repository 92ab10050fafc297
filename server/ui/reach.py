"""Where clients reach this server, as far as a visit tells: what the commands on pages are written with."""

import re

from server.ui.facts import Facts
from server.ui.visit import Visit
from server.web_origins import Host, read_host
from storage.record import record

_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]{1,100}){0,10}")
_WILDCARDS = ("0.0.0.0", "[::]", "")


@record
class Reach:
    """The base URL of REST, without a slash at the end, and gRPC as HOST:PORT."""

    rest: str
    grpc: str


def reach_of(visit: Visit, facts: Facts) -> Reach:
    """Return where the browser reached the server, and where it listens for gRPC.

    What a proxy says of itself is believed only if it is well formed: it becomes part of a command that somebody copies.
    """
    headers = visit.request.headers
    sent = headers.get("x-forwarded-host", "").partition(",")[0].strip() or headers.get("host", "")
    host = read_host(sent)
    scheme = "https" if headers.get("x-forwarded-proto", "").partition(",")[0].strip().lower() == "https" else "http"
    prefix = headers.get("x-forwarded-prefix", "").rstrip("/")
    rest = f"{scheme}://{_text(host) if host else facts.rest}{prefix if _PREFIX.fullmatch(prefix) else ''}"
    name, _, port = facts.grpc.rpartition(":")
    return Reach(rest, f"{host.name if host and name in _WILDCARDS else name}:{port}")


def _text(host: Host) -> str:
    return host.name if host.port is None else f"{host.name}:{host.port}"
