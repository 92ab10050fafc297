"""Each spelling of a SQLite URL names one file, whoever reads it: serve, upgrade, and import on both of its sides."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.program import lineal
from tests.faults.cluster import PROGRAM, clean_environment, run_program
from tests.mlmd.reading import STORES

SPELLINGS = {
    "sqlite:///kept.sqlite": "kept.sqlite",
    "sqlite:///./kept.sqlite": "kept.sqlite",
    "sqlite:///folder/../kept.sqlite": "kept.sqlite",
    "sqlite:///folder/kept.sqlite": "folder/kept.sqlite",
    "sqlite:///{here}/kept.sqlite": "kept.sqlite",
    "sqlite:////{here}/kept.sqlite": "kept.sqlite",
    "sqlite:///kept%20file.sqlite": "kept file.sqlite",
    "sqlite:///kept file.sqlite": "kept file.sqlite",
    "sqlite:///kept%3Ffile%23.sqlite": "kept?file#.sqlite",
    "sqlite:///kept%2520.sqlite": "kept%20.sqlite",
    "sqlite:///kept@a:b.sqlite": "kept@a:b.sqlite",
    "sqlite:///kept_ü.sqlite": "kept_ü.sqlite",
}
REFUSED = [
    "sqlite://kept.sqlite",
    "sqlite://folder/kept.sqlite",
    "sqlite://localhost/kept.sqlite",
    "sqlite://user:secret@folder/kept.sqlite",
    "sqlite:kept.sqlite",
    "sqlite:/kept.sqlite",
    "sqlite:///kept.sqlite?mode=ro",
    "sqlite:///kept?file.sqlite",
    "sqlite:///",
    "sqlite://",
    "sqlite:///:memory:",
    "sqlite:///file:kept.sqlite",
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with an empty folder in it."""
    tmp_path.joinpath("folder").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def serve_once(here: Path, url: str) -> None:
    """Serve a store from a working directory until it says that it does."""
    command = [PROGRAM, "serve", "--store", url, "--grpc", "127.0.0.1:0", "--rest", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=here, env=clean_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        announced = process.stdout.readline()
        process.terminate()
        assert process.wait(60) == 0
    assert re.match(
        r"Lineal \S+: http://127\.0\.0\.1:\d+/ in a browser, gRPC on 127\.0\.0\.1:\d+, REST on http", announced
    )


def files(here: Path) -> set[str]:
    """The files below a folder that hold a database."""
    found = (path for path in here.rglob("*") if path.is_file())
    return {os.path.relpath(path, here) for path in found if path.read_bytes()[:6] == b"SQLite"}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_spelling_names_the_same_file_everywhere(here: Path, spelling: str) -> None:
    url, name = spelling.format(here=here), SPELLINGS[spelling]
    assert lineal("upgrade", "--store", url).exit_code == 0
    assert files(here) == {name}
    source_name = str(Path(name).with_name(f"source_{Path(name).name}"))
    shutil.copy(STORES / "kfp_main.sqlite", source_name)
    folder, _, file = url.rpartition("/")
    for arguments in ([], ["--verify"]):
        done = lineal("import-mlmd", f"{folder}/source_{file}", "--store", url, *arguments)
        assert done.exit_code == 0, done.output
    assert lineal("doctor", "--store", url).exit_code == 0
    serve_once(here, url)
    assert files(here) == {name, source_name}


@pytest.mark.parametrize("url", REFUSED)
def test_what_could_be_taken_for_another_file_is_refused(here: Path, url: str) -> None:
    for command in (
        ["upgrade", "--store", url],
        ["doctor", "--store", url],
        ["import-mlmd", f"sqlite:///{STORES / 'kfp_main.sqlite'}", "--store", url],
        ["import-mlmd", url, "--store", "sqlite:///kept.sqlite"],
    ):
        done = lineal(*command)
        assert done.exit_code != 0
        assert done.output.startswith("lineal-server: ")
        assert "secret" not in done.output
    assert lineal("config", "--store", url).exit_code == 2  # reads its settings as serve does
    assert files(here) == set()


def test_serve_refuses_such_a_url(here: Path) -> None:
    assert run_program("serve", "--store", "sqlite://folder/kept.sqlite", cwd=here).returncode == 2
    assert files(here) == set()
