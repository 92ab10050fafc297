"""Functions that are imported when they are first called. The tables of APIs and pages name them.

For what most processes never do, or not at once: a server that has started has nothing of it yet, which takes time and memory.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from storage.record import record


@record
class Late:
    """A function, by the module that has it and its name: `server.ui.home:page`. It can be pickled, as the function could be."""

    where: str

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, and return what it returns."""
        return imported(self.where)(*arguments)

    def function(self) -> Any:
        """Return the function, whose module is imported the first time."""
        return imported(self.where)


@cache
def imported(where: str) -> Callable[..., Any]:
    """Return what a module has, imported the first time: `server.ui.home:page`."""
    module, name = where.split(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found
