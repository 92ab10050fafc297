"""The lock of the recorder's own notes: which tasks are open, how those within one ended, what was logged.

There is one for all, since it is never held for long, so that no fork happens while another thread holds it: the child could not take
it any more. The core takes a lock of its own before a fork. That has to be the inner one, as it is when a change is recorded
while this one is held; what is registered later is taken earlier, so the core is imported first.
"""

import os
import threading
from typing import NoReturn

import lineal._recording  # noqa: F401  # pyright: ignore[reportUnusedImport]

lock = threading.RLock()


class OfThisProcess:
    """What cannot be sent to another process: pickling it raises TypeError, which says what to send instead."""

    def __reduce__(self) -> NoReturn:
        """Raise TypeError."""
        raise TypeError(
            f"a {type(self).__name__} belongs to its process; give another one the id or uri of an artifact, and let it record "
            "by lineal.run(), which joins the run"
        )


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
