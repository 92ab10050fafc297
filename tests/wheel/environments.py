"""Environments with nothing but the wheel and what it depends on: made per run, their dependencies once per interpreter.

Called by the tests and by `python -m tests.wheel`.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.databases.session import current_session
from tests.faults.cluster import clean_environment

CHECKOUT = Path(__file__).parents[2]
PLACE = CHECKOUT / ".venv-wheel"
PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
BUILD = "import sys; from setuptools import build_meta; getattr(build_meta, sys.argv[1])(sys.argv[2])"
SECONDS = 600.0


class InstallationFailed(RuntimeError):
    """What the wheel needs could not be installed; carries what the program said."""


def dependencies(python: Path) -> Path:
    """The folder with what Lineal depends on, for an interpreter; it is installed once for each set of versions."""
    files = [CHECKOUT / folder / "pyproject.toml" for folder in (".", "clients/python")]
    # What both distributions ask for, but one another.
    needed = [name for file in files for name in _asked(file) if not name.startswith("lineal==")]
    return _installed(python, "", needed, CHECKOUT / "constraints.txt")


def client_dependencies(python: Path, versions: str) -> Path:
    """The folder with what the client alone depends on, in its `newest` or its `lowest` versions, for an interpreter."""
    needed = _asked(CHECKOUT / "clients" / "python" / "pyproject.toml")
    if versions == "lowest":
        needed = [re.sub(r">=([^,]+).*", r"==\1", name) for name in needed]
    return _installed(python, f"client-{versions}-", needed, CHECKOUT / "constraints-protobuf-newest.txt", versions)


def _installed(python: Path, kind: str, needed: list[str], constraints: Path, versions: str = "newest") -> Path:
    version, build = run(
        python, "-I", "-c", "import sys; print(*sys.version_info[:2], sep='.'); print(sys.version)"
    ).split("\n", 1)
    key = hashlib.sha256("\n".join((*needed, constraints.read_text(), build)).encode()).hexdigest()[:12]
    folder = PLACE / f"{kind}{version}-{key}"
    PLACE.mkdir(exist_ok=True)
    with (PLACE / f"{kind}{version}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for outdated in PLACE.glob(f"{kind}{version}-*"):
                shutil.rmtree(outdated)
            with tempfile.TemporaryDirectory(dir=PLACE) as temporary:
                environment, target = Path(temporary, "environment"), Path(temporary, "target")
                run(python, "-I", "-m", "venv", "--without-pip", environment)
                pip = (*PIP, "--python", environment / "bin" / "python", "install", "--only-binary", ":all:")
                limits = ("--constraint", constraints) if versions == "newest" else ()
                run(*pip, "--target", target, *limits, *needed)
                target.rename(folder)
    return folder


def _asked(file: Path) -> list[str]:
    names: list[str] = tomllib.loads(file.read_text())["project"]["dependencies"]
    return names


def install(wheel: Path, python: Path, folder: Path) -> Path:
    """Make an environment in the folder with the wheel, the client's messages, and what they need; returns its `bin`."""
    run(python, "-I", "-m", "venv", "--without-pip", folder)
    [packages] = folder.glob("lib/python3*/site-packages")
    (packages / "dependencies.pth").write_text(f"{dependencies(python)}\n{CHECKOUT / 'clients' / 'python'}\n")
    run(*PIP, "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    return folder / "bin"


def built_wheel() -> Path:
    """The wheel of the checkout, built once per run of the suite."""

    def make() -> str:
        folder = current_session().folder / "wheel"
        copy_checkout(folder / "source")
        return str(build(folder / "source", "wheel", folder))

    return Path(current_session().once("wheel.path", make))


def built_client() -> Path:
    """The client's wheel, built once per run of the suite."""

    def make() -> str:
        folder = current_session().folder / "client-wheel"
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
        shutil.copytree(CHECKOUT / "clients" / "python", folder / "source", ignore=ignored)
        return str(build(folder / "source", "wheel", folder))

    return Path(current_session().once("client-wheel.path", make))


def install_client(python: Path, folder: Path) -> Path:
    """Make an environment in the folder with the client's wheel and nothing that it depends on; returns its interpreter."""
    run(python, "-I", "-m", "venv", "--without-pip", folder)
    run(*PIP, "--python", folder / "bin" / "python", "install", "--no-deps", "--no-index", built_client())
    return folder / "bin" / "python"


def wheels_with_extras() -> Path:
    """The folder with the wheels of all that both distributions and the client's extras need, for this interpreter.

    They are downloaded once for each set of versions, so that what is installed from them is never what somebody else has
    uploaded under our names.
    """
    files = [CHECKOUT / folder / "pyproject.toml" for folder in (".", "clients/python")]
    extras = tomllib.loads(files[-1].read_text())["project"]["optional-dependencies"]
    asked = [name for file in files for name in _asked(file)] + [name for names in extras.values() for name in names]
    needed = [name for name in asked if not name.startswith("lineal==")]
    constraints = CHECKOUT / "constraints.txt"
    key = hashlib.sha256("\n".join((*needed, constraints.read_text(), sys.version)).encode()).hexdigest()[:12]
    folder = PLACE / f"wheels-{key}"
    PLACE.mkdir(exist_ok=True)
    with (PLACE / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            for outdated in PLACE.glob("wheels-*"):
                shutil.rmtree(outdated)
            with tempfile.TemporaryDirectory(dir=PLACE) as temporary:
                target = Path(temporary, "wheels")
                run(*PIP, "download", "--only-binary", ":all:", "--dest", target, "--constraint", constraints, *needed)
                target.rename(folder)
    return folder


def copy_checkout(folder: Path) -> Path:
    """Copy what the image is made of: all that a wheel needs. Returns the folder."""
    lines = (CHECKOUT / ".dockerignore").read_text().splitlines()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    folder.mkdir(parents=True)
    for name in [line.removeprefix("!") for line in lines if line.startswith("!")]:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, folder / name, ignore=ignored)
        else:
            shutil.copy(CHECKOUT / name, folder)
    return folder


def build(source: Path, kind: str, target: Path) -> Path:
    """Build a `wheel` or an `sdist` of a source folder into a target folder, and return its path."""
    before = set(target.glob("*"))
    run(sys.executable, "-I", "-c", BUILD, f"build_{kind}", target, folder=source)
    [made] = {path for path in set(target.glob("*")) - before if path.is_file()}
    return made


def run(*command: str | Path, folder: Path | None = None) -> str:
    """Run a program to its end and return what it wrote. Raises InstallationFailed with its words."""
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, text=True, timeout=SECONDS, check=False
    )
    if done.returncode:
        raise InstallationFailed(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
