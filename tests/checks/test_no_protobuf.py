"""Storage and rules are loaded without protobuf, also by way of other modules: in a process that does nothing else."""

import subprocess
import sys

import pytest

LOAD = """
import importlib, pkgutil, sys
package = importlib.import_module({name!r})
for module in pkgutil.walk_packages(package.__path__, {name!r} + "."):
    importlib.import_module(module.name)
print(*sorted(name for name in sys.modules if name.split(".")[0] in ("google", "grpc", "lineal")))
print(*sorted(name for name in sys.modules if name.startswith({name!r})))
"""


@pytest.mark.parametrize("name", ["storage", "server.rules"])
def test_no_module_imports_protobuf(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOAD.format(name=name)], check=True, capture_output=True, text=True)
    loaded, own = done.stdout.split("\n")[:2]
    assert loaded == ""
    assert len(own.split()) > 5


def test_the_codec_would_be_noticed() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOAD.format(name="server.apis.kfp.codec")], check=True, capture_output=True, text=True
    )
    assert "google.protobuf" in done.stdout
