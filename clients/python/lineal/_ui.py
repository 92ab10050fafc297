"""Where the web UI is, as seen from the client. Notebooks and the command line call this."""

from __future__ import annotations

from urllib.parse import urlsplit


def address_for(ui_url: str, target: str) -> str:
    """Return the address of the UI for a client that calls the server by this target; "" if it is not one of http or https.

    The host `localhost` in it stands for the host by which the server was reached.
    """
    try:
        parts = urlsplit(ui_url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    if host != "localhost" or target.startswith("unix"):
        return ui_url
    reached = target.rpartition(":")[0] or host
    return parts._replace(netloc=reached if port is None else f"{reached}:{port}").geturl()
