"""What is open when the interpreter ends: tasks that nobody ended are recorded as FAILED.

The recordings close themselves at exit, too. Functions that are registered later are called earlier, so these are registered with
each run, after its recording has been.
"""

import atexit

from lineal._recorder import nodes


def watch() -> None:
    """Take care that no task is left open at exit, when a run begins."""
    atexit.unregister(end_all)
    atexit.register(end_all)


def end_all() -> None:
    """End what this process has begun and not ended, the innermost tasks first."""
    for node in nodes.open_nodes():
        node.end(message=nodes.LEFT_BY_PROGRAM)
