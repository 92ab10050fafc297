"""examples/train.py trains with and without a server, in few lines of ours."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import lineal
import pytest
from lineal.series import Series

from tests.client.recorder.recorded import Recorded, artifacts, metadata, parameters, state_of
from tests.databases.private import free_port
from tests.faults.cluster import clean_environment, serving

EXAMPLE = Path(__file__).parents[2] / "examples" / "train.py"
LINES_MAX = 8


def train(folder: Path, server: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    environment = clean_environment({"LINEAL_SERVER": server, "LINEAL_SPOOL_DIR": str(folder / "spool")} | variables)
    command = [sys.executable, "-W", "error", str(EXAMPLE), "--folder", str(folder), *arguments]
    return subprocess.run(command, check=False, env=environment, capture_output=True, text=True, timeout=120)


def lines_of_ours() -> list[str]:
    return [line for line in EXAMPLE.read_text().splitlines() if line.endswith("# recorded")]


def test_a_training_script_is_recorded_in_eight_lines() -> None:
    assert 0 < len(lines_of_ours()) <= LINES_MAX
    others = set(EXAMPLE.read_text().partition('"""\n\nimport')[2].splitlines()) - set(lines_of_ours())
    assert [line for line in others if "lineal" in line or "run." in line or "task." in line] == []


def test_without_these_lines_the_script_trains_the_same_model(tmp_path: Path) -> None:
    kept = "\n".join(_without_ours())
    ast.parse(kept)
    bare = tmp_path / "bare.py"
    bare.write_text(kept)
    done = subprocess.run([sys.executable, str(bare), "--folder", str(tmp_path)], check=True, timeout=60)
    assert done.returncode == 0
    model = (tmp_path / "model.json").read_text()
    with serving(f"sqlite:///{tmp_path}/lineal.sqlite") as server:
        assert train(tmp_path / "recorded", server.grpc).returncode == 0
    assert (tmp_path / "recorded" / "model.json").read_text() == model


def _without_ours() -> list[str]:
    """The script without the lines that record; what stands in their blocks is dedented by `if True:`."""
    lines = []
    for line in EXAMPLE.read_text().splitlines():
        if not line.endswith("# recorded"):
            lines.append(line)
        elif line.lstrip().startswith("with "):
            lines.append(line[: len(line) - len(line.lstrip())] + "if True:")
    return lines


def test_the_training_is_recorded_with_its_loss_its_model_and_its_accuracy(migrated_url: str, tmp_path: Path) -> None:
    with serving(migrated_url) as server, lineal.Client(server.grpc) as client:
        done = train(tmp_path, server.grpc, "--epochs", "25")
        assert (done.returncode, done.stderr) == (0, "")
        [run] = client.list_runs(view="FULL")
        recorded = Recorded(run)
        assert recorded.states() == {"ROOT": "SUCCEEDED", "fit": "SUCCEEDED", "evaluate": "SUCCEEDED"}
        assert parameters(recorded.root.inputs) == {"learning_rate": 0.5, "epochs": 25}
        made = artifacts(recorded.task("fit").outputs)
        series = Series.from_metadata(metadata(made["loss"][0]))
        assert [point.step for point in series.points()] == list(range(25))
        assert made["loss"][0].number_value == series.last_finite
        assert [used.artifact_id for [used] in artifacts(recorded.task("evaluate").inputs).values()] == [
            made["model.json"][0].artifact_id
        ]
        [accuracy] = artifacts(recorded.task("evaluate").outputs)["accuracy"]
        assert done.stdout.startswith(f"accuracy {accuracy.number_value:.3f},")


@pytest.mark.databases("sqlite")
def test_a_training_that_breaks_is_a_failed_run(migrated_url: str, tmp_path: Path) -> None:
    with serving(migrated_url) as server, lineal.Client(server.grpc) as client:
        done = train(tmp_path, server.grpc, "--learning-rate", "1e6")
        assert done.returncode == 1
        assert "ValueError: math domain error" in done.stderr
        [run] = client.list_runs(view="FULL")
        assert {task.name: state_of(task) for task in run.tasks} == {"ROOT": "FAILED", "fit": "FAILED"}
        assert Recorded(run).message("fit") == "ValueError: math domain error"


@pytest.mark.slow
@pytest.mark.databases("sqlite")
def test_it_trains_without_a_server_and_what_was_recorded_is_sent_later(migrated_url: str, tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    done = train(tmp_path, address, LINEAL_SPOOL_SECONDS="0.5")
    assert done.returncode == 0
    assert "lineal sync" in done.stderr
    assert json.loads((tmp_path / "model.json").read_text())["weights"]
    with serving(migrated_url) as server, lineal.Client(server.grpc) as client:
        command = [Path(sys.executable).parent / "lineal", "sync", "--any-server", "--spool-dir", tmp_path / "spool"]
        subprocess.run(command, check=True, env=clean_environment({"LINEAL_SERVER": server.grpc}), timeout=60)
        [run] = client.list_runs(view="FULL")
        assert Recorded(run).states() == {"ROOT": "SUCCEEDED", "fit": "SUCCEEDED", "evaluate": "SUCCEEDED"}
    assert list((tmp_path / "spool").glob("*.jsonl")) == []
