"""Where browsers find the web UI, as clients are told. The composition root sets it, GetOverview answers it."""

from dataclasses import dataclass


@dataclass(slots=True)
class WebUi:
    """The address of the web UI, with a slash at the end. Not frozen: it is empty until the REST door listens, on whichever port."""

    url: str = ""


def ui_address(rest: str, chosen: str = "") -> str:
    """Return the address of the web UI, with a slash at the end: the chosen one, else that of a REST door that listens on HOST:PORT.

    The latter is for a browser on this machine; localhost stands for a door that listens on all addresses.
    """
    if chosen:
        return f"{chosen.rstrip('/')}/"
    host, _, port = rest.rpartition(":")
    return f"http://{'localhost' if host in ('', '0.0.0.0', '[::]') else host}:{port}/"
