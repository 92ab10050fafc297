"""Calling commands in this process, which takes a twentieth of the time of a new one. Called by tests.

`serve` ends its process and is called as one, with tests.faults.cluster.
"""

import os
from collections.abc import Mapping

from click.testing import CliRunner, Result

from server.cli import main


def lineal(*arguments: str, environment: Mapping[str, str] | None = None) -> Result:
    """Run a command without the LINEAL_* settings of whoever runs the tests; fails when it ends with a stack."""
    without = {name: None for name in os.environ if name.startswith("LINEAL_")}
    done = CliRunner(env={**without, **(environment or {})}).invoke(main, arguments, prog_name="lineal-server")
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done
