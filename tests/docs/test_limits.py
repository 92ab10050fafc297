"""docs/limits.md has a row for every limit that the code has."""

import importlib
import pkgutil
import re
import runpy
from collections.abc import Iterator
from typing import Any

import pytest

import server
from server.rules import checks, field_limits
from storage import filter_message, filters, lengths
from storage.documents import plain
from tests.docs.pages import CHECKOUT, DOCS

LIMIT = re.compile(r"MAX_[A-Z_]+|[A-Z_]+_(MAX|BYTES|DEPTH)")


@pytest.fixture(scope="module")
def blocks() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CHECKOUT / "checks")
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


def fields_of(source: str) -> set[str]:
    """The fields that a row names, each with its table."""
    table, _, fields = source.removesuffix("]").partition("[")
    return {f"{table}[{field}]" for field in fields.split()}


def test_every_limit_of_the_code_has_a_row(rows: list[tuple[str, str, str, str]]) -> None:
    found = {limit for limit in limits_in_the_code() if source_of(limit)}
    assert "storage.lengths:NAME" in found
    table = (CHECKOUT / "server" / "rules" / "field_limits.py").read_text()
    of_fields = {limit for limit in found if re.search(rf"\blengths\.{limit.partition(':')[2]}\b", table)}
    assert found - of_fields - {source for _, source, _, _ in rows} == set()


def test_every_field_with_a_limit_stands_in_one_row(rows: list[tuple[str, str, str, str]]) -> None:
    named = [field for _, source, _, _ in rows for field in fields_of(source)]
    tables = {"MAX_CHARACTERS": field_limits.MAX_CHARACTERS, "MAX_BYTES": field_limits.MAX_BYTES}
    wanted = [f"server.rules.field_limits:{name}[{field}]" for name, table in tables.items() for field in table]
    assert sorted(named) == sorted(wanted)


@pytest.mark.parametrize("fields", ["Artifact.name Artifact.uri", "Artifact.nothing", ""])
def test_fields_of_a_row_that_do_not_share_a_limit_are_refused(blocks: dict[str, Any], fields: str) -> None:
    source = "server.rules.field_limits:MAX_CHARACTERS"
    assert (
        blocks["limit_value"](f"{source}[Artifact.name Pipeline.name]") == field_limits.MAX_CHARACTERS["Artifact.name"]
    )
    with pytest.raises(SystemExit, match="not one limit"):
        blocks["limit_value"](f"{source}[{fields}]")


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
