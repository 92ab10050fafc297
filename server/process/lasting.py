"""Keeps the garbage collector from what stays for the life of a process. The command line and the composition root call this.

A module of its own: the command line imports nothing else of the server before it knows what is to be done.
"""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def all_stays() -> Iterator[None]:
    """Let whatever is made in the block stay for the life of the process, as modules do, without a look at it by the collector.

    While modules are imported, the collector would go through all of them several times and find nothing: a tenth of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
