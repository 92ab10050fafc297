"""What is open when the process ends: tasks that nobody ended are recorded as FAILED, the innermost first.

The recordings close themselves at that time, too, after this. `connections` calls it at the end of the program.
"""

import os
import sys

from lineal._recorder import nodes

PRIORITY = 20
"""Among what multiprocessing calls at the end of its processes, which call nothing that was registered with atexit. Higher is earlier;
recordings are closed with 10."""

_process_id = 0


def watch_process() -> None:
    """Take care that no task is left open by a process of multiprocessing, when one begins."""
    global _process_id
    if _process_id == os.getpid():
        return
    _process_id = os.getpid()
    if "multiprocessing.util" in sys.modules:
        from multiprocessing import parent_process
        from multiprocessing.util import Finalize

        if parent_process() is not None:
            Finalize(None, end_all, exitpriority=PRIORITY)


def end_all() -> None:
    """End what this process has begun and not ended."""
    for node in nodes.open_nodes():
        node.end(message=nodes.LEFT_BY_PROGRAM)
