"""docs/limits.md has a row for every limit that the code has."""

import importlib
import pkgutil
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest

import server
from server.rules import checks
from storage import filter_message, filters, lengths
from storage.documents import plain
from tests.docs.pages import CHECKOUT, DOCS

LIMIT = re.compile(r"MAX_[A-Z_]+|[A-Z_]+_(MAX|BYTES|DEPTH)")


@pytest.fixture(scope="module")
def blocks() -> dict[str, Any]:
    return runpy.run_path(str(CHECKOUT / "checks" / "docs_blocks.py"))


@pytest.fixture
def rows(blocks: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    return list(blocks["LIMITS"])


def limits_in_the_code() -> Iterator[str]:
    """Constants that are limits by their names, and all whole numbers that requests are checked with, as module:NAME."""
    modules = [
        importlib.import_module(each.name)
        for each in pkgutil.walk_packages(server.__path__, "server.")
        if not each.name.endswith("__main__")
    ]
    for module in [*modules, filters, filter_message, lengths, plain]:
        for name, value in vars(module).items():
            if isinstance(value, int) and name[0].isupper() and (module in (checks, lengths) or LIMIT.fullmatch(name)):
                yield f"{module.__name__}:{name}"


def source_of(limit: str) -> bool:
    """Whether a module makes the constant itself, and does not only import it."""
    module, _, name = limit.partition(":")
    file = importlib.import_module(module).__file__
    assert file is not None
    with open(file) as text:
        return re.search(rf"^{name}\b.*=", text.read(), re.MULTILINE) is not None


def test_every_limit_of_the_code_has_a_row(rows: list[tuple[str, str, str, str]]) -> None:
    found = {limit for limit in limits_in_the_code() if source_of(limit)}
    assert "storage.lengths:NAME" in found
    assert found - {source for _, source, _, _ in rows} == set()


def test_every_setting_that_limits_has_a_row(rows: list[tuple[str, str, str, str]]) -> None:
    settings = {each.name for each in server.config.setting_fields() if each.name.endswith("_max")}
    assert settings - {source for _, source, _, _ in rows} == set()


def test_no_limit_has_two_rows(rows: list[tuple[str, str, str, str]]) -> None:
    sources = [source for _, source, _, _ in rows]
    assert sorted(set(sources)) == sorted(sources)


def test_no_reason_is_explained_that_nobody_gives(blocks: dict[str, Any]) -> None:
    given = {line.split("`")[1] for line in blocks["reasons"]().splitlines() if line.startswith("| `")}
    assert set(blocks["REASONS"]) - given == set()


def test_the_databases_that_were_run_are_named() -> None:
    text = (DOCS / "limits.md").read_text()
    for words in ("SQLite 3.40", "PostgreSQL 15", "MariaDB 10.11", "MySQL 8 gets the same statements"):
        assert words in text
