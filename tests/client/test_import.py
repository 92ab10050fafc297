"""What importing the client loads: nothing that is not needed."""

import subprocess
import sys

import lineal
import pytest

from tests.faults.cluster import clean_environment

HEAVY = ("IPython", "click", "google", "grpc", "numpy", "pandas", "rich", "server", "storage", "yaml")


def loaded(statement: str) -> list[str]:
    """The modules that a new interpreter has after a statement."""
    program = f"import sys; before = set(sys.modules); {statement}; print(*sorted(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean_environment(), capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def of(modules: list[str], *names: str) -> set[str]:
    return {name for name in modules if name.partition(".")[0] in names}


def test_importing_the_package_loads_nothing_else() -> None:
    modules = loaded("import lineal")
    assert of(modules, *HEAVY) == set()
    assert of(modules, "lineal") == {"lineal"}


def test_the_client_loads_no_command_line_and_no_data_frames() -> None:
    modules = loaded("import lineal; lineal.Client")
    assert of(modules, *(set(HEAVY) - {"google", "grpc"})) == set()
    assert not any(name.startswith(("lineal.cli.", "lineal.aio", "lineal._aio")) for name in modules)


def test_errors_load_no_grpc() -> None:
    assert of(loaded("import lineal; lineal.LinealError; lineal.SettingsError"), "grpc", "google") == set()


def test_the_server_loads_messages_and_methods_only() -> None:
    modules = of(loaded("import server.app"), "lineal")
    stubs = {name for name in modules if name.startswith(("lineal.v1", "lineal.v2beta1"))}
    assert modules - stubs == {"lineal", "lineal.methods"}


def test_every_public_name_is_there_and_no_other() -> None:
    for name in lineal.__all__:
        assert getattr(lineal, name) is not None
    assert set(lineal.__all__) <= set(dir(lineal))
    with pytest.raises(AttributeError, match="module 'lineal' has no attribute 'Clint'"):
        lineal.Clint  # noqa: B018
