"""A recorder of the server of these tests."""

from pathlib import Path

import lineal
import pytest

from tests.client.recorder.recorded import Recorder


@pytest.fixture(scope="session")
def spool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the spool files of this process."""
    return tmp_path_factory.mktemp("spool")


@pytest.fixture
def recorder(address: str, client: lineal.Client, spool: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Begins runs, and reads what was recorded of them through another client."""
    for name in ("LINEAL_RUN_ID", "LINEAL_TASK_ID", "LINEAL_ARTIFACT_ROOT"):
        monkeypatch.delenv(name, raising=False)
    return Recorder(address, client, spool)
