"""How the packages of a checkout lie in the wheel: inside `lineal_server/app`. Called by setuptools when it builds one.

An editable install leaves them where they are.
"""

import shutil
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.command.egg_info import egg_info

PACKAGE = "lineal_server"
"""The only package that the wheel adds to an environment."""

INSIDE = ("server", "storage", "migrations")
"""The packages that are found on the path only by the program itself."""


def _installed(package: str) -> str:
    return f"{PACKAGE}.app.{package}" if package.partition(".")[0] in INSIDE else package


class BuildPy(build_py):
    """Copies the packages to where they are installed."""

    def finalize_options(self) -> None:
        """Rename packages and what belongs to them; their sources stay where they are."""
        super().finalize_options()
        if not self.editable_mode:
            self.packages = [_installed(package) for package in self.packages or ()]
            self.package_dir = {**(self.package_dir or {}), **{_installed(name): name for name in INSIDE}}
            self.package_data = {_installed(package): patterns for package, patterns in self.package_data.items()}

    def run(self) -> None:
        """Build, without what an earlier build has left: everything in the folder becomes part of the wheel."""
        if not self.editable_mode:
            for name in (PACKAGE, *INSIDE):
                shutil.rmtree(Path(self.build_lib, name), ignore_errors=True)
        super().run()


class EggInfo(egg_info):
    """Writes what is known of the distribution."""

    def run(self) -> None:
        """Write it, with the only package that others see."""
        super().run()
        self.write_file("top-level names", str(Path(self.egg_info, "top_level.txt")), f"{PACKAGE}\n")
