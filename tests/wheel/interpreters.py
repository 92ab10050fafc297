"""The CPythons of this machine that Lineal supports, one of each minor version."""

import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

OLDEST = (3, 11)
OLDEST_OF_CLIENT = (3, 10)
NAME = re.compile(r"python3\.(\d+)")
PROBE = "import platform, sys, venv; print(platform.python_implementation(), sys.version_info.releaselevel)"
PROBE_SECONDS = 30.0

# Where version managers keep interpreters that are not on the path.
MANAGED = (
    Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions"),
    Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or Path.home() / ".local" / "share" / "uv" / "python"),
)


@functools.cache
def interpreters(oldest: tuple[int, int] = OLDEST) -> dict[str, Path]:
    """The programs, by their versions (`3.12`): the one that runs this, and those that are on the path or managed."""
    found = {sys.version_info[:2]: Path(sys.executable)}
    for version, program in _candidates():
        if version >= oldest and version not in found and _is_usable(program):
            found[version] = program
    return {f"{major}.{minor}": found[major, minor] for major, minor in sorted(found)}


def _candidates() -> Iterator[tuple[tuple[int, int], Path]]:
    on_path = [Path(folder) for folder in os.get_exec_path() if Path(folder).is_absolute()]
    managed = [folder for place in MANAGED for folder in sorted(place.glob("*/bin"))]
    for folder in (*on_path, *managed):
        for program in sorted(folder.glob("python3.*")):
            if match := NAME.fullmatch(program.name):
                yield (3, int(match[1])), program


def _is_usable(program: Path) -> bool:
    # A version manager puts programs on the path that end with an error when their version is not the chosen one.
    try:
        done = subprocess.run([program, "-I", "-c", PROBE], capture_output=True, text=True, timeout=PROBE_SECONDS)
    except OSError:
        return False
    return done.stdout.split() == ["CPython", "final"]
