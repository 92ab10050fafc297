"""What is in the wheel, however it is built."""

import shutil
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from server import __version__
from storage.sql.dialects.mysql_driver import DRIVERS
from tests.checks.test_checks import CHECKOUT
from tests.wheel.environments import build, built_wheel, copy_checkout

PACKAGE = "lineal_server"
APP = f"{PACKAGE}/app"
INFO = f"{PACKAGE}-{__version__}.dist-info"
INSIDE = ("migrations", "server", "storage")


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def files_of(package: str) -> set[str]:
    """The files of a package of the checkout, relative to the checkout."""
    found = [path for path in (CHECKOUT / package).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(CHECKOUT).as_posix() for path in found}


def test_the_wheel_adds_one_package_and_all_others_lie_in_it() -> None:
    names = contents(built_wheel())
    assert {name.partition("/")[0] for name in names} == {PACKAGE, INFO}
    assert names[f"{INFO}/top_level.txt"] == f"{PACKAGE}\n".encode()
    expected = files_of(PACKAGE) | {f"{APP}/{file}" for package in INSIDE for file in files_of(package)}
    assert {name for name in names if name.startswith(f"{PACKAGE}/")} == expected
    assert f"{APP}/server/static/vendor/swagger-ui/swagger-ui.css" in expected


def test_the_source_distribution_builds_the_same_wheel(tmp_path: Path) -> None:
    source = copy_checkout(tmp_path / "source")
    shutil.copy(CHECKOUT / "MANIFEST.in", source)
    packed = build(source, "sdist", tmp_path)
    with tarfile.open(packed) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    assert contents(build(unpacked, "wheel", tmp_path)) == contents(built_wheel())


@pytest.mark.parametrize(
    ("implementation", "version", "machine", "driver"),
    [
        *(("CPython", version, "x86_64", "asyncmy") for version in ("3.11", "3.13", "3.15")),
        *(("CPython", "3.12", machine, "asyncmy") for machine in ("aarch64", "arm64")),
        *(
            ("CPython", "3.12", machine, "aiomysql")
            for machine in ("ppc64le", "riscv64", "s390x", "armv7l", "i686", "")
        ),
        ("CPython", "3.16", "x86_64", "aiomysql"),
        ("PyPy", "3.11", "x86_64", "aiomysql"),
    ],
)
def test_it_asks_for_asyncmy_where_that_has_a_wheel_and_for_a_driver_in_pure_python_elsewhere(
    implementation: str, version: str, machine: str, driver: str
) -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    place = {
        "platform_python_implementation": implementation,
        "python_version": version,
        "platform_machine": machine,
    }
    asked = [Requirement(line) for line in project["dependencies"]]
    assert [each.name for each in asked if each.name in DRIVERS and each.marker and each.marker.evaluate(place)] == [
        driver
    ]


def test_what_an_earlier_build_has_left_is_not_in_the_wheel(tmp_path: Path) -> None:
    source = copy_checkout(tmp_path / "source")
    for left in ("server/planted.py", f"{APP}/storage/planted.py"):
        path = source / "build" / "lib" / left
        path.parent.mkdir(parents=True)
        path.write_text("")
    assert [name for name in contents(build(source, "wheel", tmp_path)) if "planted" in name] == []
