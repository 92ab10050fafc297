"""What is in the wheel, however it is built."""

import shutil
import tarfile
import zipfile
from pathlib import Path

from server import __version__
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


def test_what_an_earlier_build_has_left_is_not_in_the_wheel(tmp_path: Path) -> None:
    source = copy_checkout(tmp_path / "source")
    for left in ("server/planted.py", f"{APP}/storage/planted.py"):
        path = source / "build" / "lib" / left
        path.parent.mkdir(parents=True)
        path.write_text("")
    assert [name for name in contents(build(source, "wheel", tmp_path)) if "planted" in name] == []
