"""Kubeflow Pipelines' own SDK, unmodified and in an environment of its own, against a served process."""

import os
import subprocess
from pathlib import Path

from tests.faults.cluster import serving

CHECKOUT = Path(__file__).parents[2]
PYTHON = CHECKOUT / ".venv-kfp" / "bin" / "python"
SESSION = Path(__file__).with_name("kfp_session.py")
BOUND_SECONDS = 240.0


def test_the_sdk_finds_everything_as_it_should_be(migrated_url: str, tmp_path: Path) -> None:
    with serving(migrated_url) as server:
        done = subprocess.run(
            [PYTHON, SESSION, f"http://{server.rest}", tmp_path],
            env={**os.environ, "HOME": str(tmp_path), "PYTHONWARNINGS": "ignore"},
            capture_output=True,
            text=True,
            timeout=BOUND_SECONDS,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]


def test_the_sdk_and_the_client_resolve_into_one_environment() -> None:
    command = [PYTHON, "-m", "pip", "check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BOUND_SECONDS, check=False)
    assert done.returncode == 0, done.stdout
