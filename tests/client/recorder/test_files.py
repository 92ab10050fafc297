"""Files: digest and size, and their copies under the artifact root."""

import hashlib
import os
from pathlib import Path

import lineal
import pytest
from lineal import errors

from tests.client.recorder.recorded import Recorder, artifacts, metadata

pytestmark = pytest.mark.one_database


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model v1.bin"
    path.write_bytes(b"weights" * 500_000)  # several pieces
    return path


def test_a_file_is_an_artifact_with_digest_and_size(recorder: Recorder, file: Path) -> None:
    with recorder.run() as run, run.task("fit") as task:
        model = task.log_file(file, type="Model", metadata={"depth": 4})
    [artifact] = artifacts(recorder.read(run).task("fit").outputs)["model v1.bin"]
    digest = f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert metadata(artifact) == {"depth": 4, "digest": digest, "size": 3_500_000}
    assert (artifact.uri, artifact.artifact_id) == (file.as_uri(), model.id)


def test_a_file_is_copied_to_the_artifact_root(recorder: Recorder, file: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with recorder.run(artifact_root=root) as run, run.task("fit") as task:
        model = task.log_file(str(file), "model")
    copy = root / run.id / task.id / "model"
    assert copy.read_bytes() == file.read_bytes()
    assert model.uri == copy.as_uri()
    assert os.listdir(copy.parent) == ["model"]


def test_the_root_can_be_a_variable(
    recorder: Recorder, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEAL_ARTIFACT_ROOT", (tmp_path / "root").as_uri())
    with recorder.run() as run, run.task("fit") as task:
        model = task.log_file(file, "model")
    assert model.uri == (tmp_path / "root" / run.id / task.id / "model").as_uri()


def test_files_of_one_name_are_copied_side_by_side(recorder: Recorder, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("other")
    with recorder.run(artifact_root=tmp_path / "root") as run, run.task("fit") as task:
        uris = [str(task.log_file(path, "model.bin").uri) for path in (file, other)]
    assert [uri.rpartition("/")[2] for uri in uris] == ["model.bin", "model-2.bin"]
    assert (tmp_path / "root" / run.id / task.id / "model-2.bin").read_text() == "other"


def test_the_root_can_be_a_url_of_fsspec(recorder: Recorder, file: Path) -> None:
    import fsspec

    with recorder.run(artifact_root="memory://artifacts") as run, run.task("fit") as task:
        model = task.log_file(file, "model")
    assert model.uri == f"memory:///artifacts/{run.id}/{task.id}/model"
    with fsspec.open(model.uri) as copy:
        assert copy.read() == file.read_bytes()


def test_a_root_that_cannot_be_used_is_refused_when_the_run_is_made() -> None:
    with pytest.raises(errors.SettingsError, match="artifact_root: 'nosuch://b' cannot be used"):
        lineal.run("churn", artifact_root="nosuch://b")


def test_without_fsspec_a_url_is_refused_with_what_to_install(recorder: Recorder) -> None:
    done = recorder.script(
        """
        import sys
        sys.modules["fsspec"] = sys.modules["fsspec.core"] = None
        lineal.run("churn", artifact_root="s3://b")
        """
    )
    assert "install 'lineal[fsspec]'" in done.stderr


def test_folders_and_missing_files_are_refused(recorder: Recorder, tmp_path: Path) -> None:
    with recorder.run() as run, run.task("fit") as task:
        with pytest.raises(IsADirectoryError, match="is a folder; log its files one by one"):
            task.log_file(tmp_path)
        with pytest.raises(FileNotFoundError, match="there is no file"):
            task.log_file(tmp_path / "model")
        with pytest.raises(TypeError, match="path: must be text or a path, not int"):
            task.log_file(3)  # type: ignore[arg-type]
    assert not recorder.read(run).task("fit").outputs.artifacts


@pytest.mark.parametrize("name", ["../model", "a/b", "..", "a\\b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    recorder: Recorder, file: Path, tmp_path: Path, name: str
) -> None:
    with recorder.run(artifact_root=tmp_path / "root") as run, pytest.raises(ValueError, match="cannot be the name"):
        run.log_file(file, name)
    assert not (tmp_path / "root").exists()


def test_a_copy_that_fails_leaves_nothing_and_raises(recorder: Recorder, file: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    with recorder.run(artifact_root=root) as run, run.task("fit") as task:
        (root / run.id / task.id / "model").mkdir(parents=True)
        with pytest.raises(OSError, match="model"):
            task.log_file(file, "model")
    assert os.listdir(root / run.id / task.id) == ["model"]
    assert not recorder.read(run).task("fit").outputs.artifacts
