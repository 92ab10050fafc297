"""Processes that a test interrupts as Ctrl-C does."""

import signal


def let_it_be_interrupted() -> None:
    """Let SIGINT end this process: a `preexec_fn`. Who runs the tests in the background may have told all processes to ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
