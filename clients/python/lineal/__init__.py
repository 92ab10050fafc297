"""Lineal's client side: the client, its errors, and the messages of the API.

    import lineal

    with lineal.Client() as client:
        for run in client.list_runs(sort_by="created_at desc").first(10):
            print(run.display_name)

Importing this package loads none of its modules, and no gRPC: they are loaded when a name is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lineal import aio as aio
    from lineal import errors as errors
    from lineal.client import Client as Client
    from lineal.errors import LinealError as LinealError
    from lineal.errors import SettingsError as SettingsError
    from lineal.listings import AsyncListing as AsyncListing
    from lineal.listings import Listing as Listing

_PLACES = {
    "AsyncListing": "lineal.listings",
    "Client": "lineal.client",
    "LinealError": "lineal.errors",
    "Listing": "lineal.listings",
    "SettingsError": "lineal.errors",
}
"""Where each name is defined."""

_MODULES = ("aio", "errors")

__all__ = ("AsyncListing", "Client", "LinealError", "Listing", "SettingsError", "__version__", "aio", "errors")


def __getattr__(name: str) -> Any:
    """Load the module of a name when it is first used."""
    if name in _MODULES:
        return importlib.import_module(f"lineal.{name}")
    if name not in _PLACES:
        raise AttributeError(f"module 'lineal' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
    return value


def __dir__() -> list[str]:
    """Return the public names, those that are not loaded yet included."""
    return sorted(__all__)
