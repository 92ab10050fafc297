"""Processes that record, and are killed. Called by tests."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.faults.cluster import clean_environment

BEGIN = """
import os, signal, sys, time
from lineal._recording import Options, Recording
from lineal.settings import Settings
from tests.client.recording.places import *
recording = Recording(Settings(server=sys.argv[1], retries=1), Options(spool_dir=sys.argv[2], flush_seconds=0.02))
"""

DIE = """
recording._writer.write()
os.kill(os.getpid(), signal.SIGKILL)
"""


def die(server: str, spool: Path, code: str) -> list[str]:
    """Run a program that records, and is killed when everything is in its spool file; return the words it has printed."""
    return run(server, spool, code + DIE, status=-9)


def run(server: str, spool: Path, code: str, *arguments: str, status: int = 0) -> list[str]:
    """Run a program that records; return the words it has printed."""
    ended = subprocess.run(
        command(server, spool, code, arguments),
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
        timeout=60.0,
    )
    assert ended.returncode == status, ended.stderr
    return ended.stdout.split()


def command(server: str, spool: Path, code: str, arguments: Sequence[str] = ()) -> list[str]:
    """Return the command of such a program."""
    return [sys.executable, "-c", BEGIN + code, server, str(spool), *arguments]
