"""Functions that are imported when they are first called. The tables of APIs and pages name them.

For what most processes never do, or not at once: a server that has started has nothing of it yet, which takes time and memory.
"""

from importlib import import_module
from typing import Any

from storage.record import record


@record
class Late:
    """A function, by the module that has it and its name: `server.ui.home:page`. It can be pickled, as the function could be."""

    where: str

    def __call__(self, *arguments: Any) -> Any:
        """Call the function, and return what it returns."""
        return self.function()(*arguments)

    def function(self) -> Any:
        """Return the function, whose module is imported the first time."""
        module, name = self.where.split(":")
        return getattr(import_module(module), name)
