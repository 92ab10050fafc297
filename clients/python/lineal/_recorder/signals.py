"""SIGTERM ends a program through its `with` blocks while a task is open, so that none is left RUNNING.

Only in the main thread, only where the program has not set a handler of its own, and only for the first signal: the second one kills.
"""

import os
import signal
import threading
from types import FrameType

from lineal._recorder.failures import Terminated
from lineal._recorder.nodes import has_open_nodes

_open_runs = 0


def watch() -> None:
    """Take SIGTERM, when a run begins."""
    global _open_runs
    _open_runs += 1
    if _is_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _terminate)


def leave() -> None:
    """Leave SIGTERM to its default action, when the last run has ended."""
    global _open_runs
    _open_runs -= 1
    if _open_runs <= 0 and _is_main_thread() and signal.getsignal(signal.SIGTERM) is _terminate:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _terminate(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not has_open_nodes():
        # A forked process inherits the handler, and may have nothing to end that is its own.
        os.kill(os.getpid(), signal.SIGTERM)
        return
    raise Terminated
