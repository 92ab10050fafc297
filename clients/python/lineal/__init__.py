"""Lineal's client side: the client, its errors, and the messages of the API.

    import lineal

    with lineal.Client() as client:
        for run in client.list_runs(sort_by="created_at desc").first(10):
            print(run.display_name)

    with lineal.run("train", parameters={"depth": 4}) as run, run.task("fit") as task:
        task.log_metric("accuracy", 0.93)

Importing this package loads none of its modules, and no gRPC: they are loaded when a name is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lineal import aio as aio
    from lineal import errors as errors
    from lineal import filters as filters
    from lineal import recorder as recorder
    from lineal.client import Client as Client
    from lineal.comparison import compare as compare
    from lineal.errors import LinealError as LinealError
    from lineal.errors import SettingsError as SettingsError
    from lineal.filters import F as F
    from lineal.filters import FilterError as FilterError
    from lineal.frames import to_frame as to_frame
    from lineal.listings import AsyncListing as AsyncListing
    from lineal.listings import Listing as Listing
    from lineal.recorder import LoggedArtifact as LoggedArtifact
    from lineal.recorder import Loop as Loop
    from lineal.recorder import Run as Run
    from lineal.recorder import Task as Task
    from lineal.recorder import current_run as current_run
    from lineal.recorder import current_task as current_task
    from lineal.recorder import run as run
    from lineal.recorder import step as step

_PLACES = {
    "AsyncListing": "lineal.listings",
    "Client": "lineal.client",
    "F": "lineal.filters",
    "FilterError": "lineal.filters",
    "LinealError": "lineal.errors",
    "Listing": "lineal.listings",
    "LoggedArtifact": "lineal.recorder",
    "Loop": "lineal.recorder",
    "Run": "lineal.recorder",
    "SettingsError": "lineal.errors",
    "Task": "lineal.recorder",
    "compare": "lineal.comparison",
    "current_run": "lineal.recorder",
    "current_task": "lineal.recorder",
    "run": "lineal.recorder",
    "step": "lineal.recorder",
    "to_frame": "lineal.frames",
}
"""Where each name is defined."""

_MODULES = ("aio", "errors", "filters", "recorder")

__all__ = (
    "AsyncListing",
    "Client",
    "F",
    "FilterError",
    "LinealError",
    "Listing",
    "LoggedArtifact",
    "Loop",
    "Run",
    "SettingsError",
    "Task",
    "__version__",
    "aio",
    "compare",
    "current_run",
    "current_task",
    "errors",
    "filters",
    "recorder",
    "run",
    "step",
    "to_frame",
)


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


def load_ipython_extension(shell: Any) -> None:
    """Show messages as HTML in a notebook: `%load_ext lineal`. A client that is made in one does it by itself."""
    from lineal import _notebook

    _notebook.register(shell)
