"""Calling commands in this process, which takes a twentieth of the time of a new one. Called by tests.

`serve` ends its process and is called as one, with tests.faults.cluster.
"""

import os
from collections.abc import Mapping

import structlog
from click.testing import CliRunner, Result

from server.cli import main
from server.process.telemetry import log


def lineal(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    """Run a command without the LINEAL_* settings of whoever runs the tests; fails when it ends with a stack."""
    without = {name: None for name in os.environ if name.startswith("LINEAL_")}
    try:
        done = CliRunner(env={**without, **(environment or {})}).invoke(main, arguments, prog_name="lineal-server")
    finally:
        _forget_logging()
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def _forget_logging() -> None:
    """Undo what a command has set up: its logger, once used, would keep its processors for all later tests of this process."""
    structlog.reset_defaults()
    vars(log).pop("bind", None)
