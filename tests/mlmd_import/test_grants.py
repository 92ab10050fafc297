"""The rights that the documentation lists for the reader of a source suffice, and each of them is needed."""

import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from migrations.mlmd.source import ImportRequest
from migrations.mlmd.vocabulary.errors import SourceRefused
from tests.databases import create_database, drop_database
from tests.databases.engine import database_in
from tests.databases.queries import execute
from tests.docs.pages import DOCS, fenced
from tests.migrations.refusing import changed
from tests.mlmd.copies import copy_to_mysql, copy_to_postgresql
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import STORES, store_url
from tests.mlmd_import.imports import Contents, contents, imported

pytestmark = pytest.mark.databases("postgresql", "mysql")

PASSWORD = "secret"
OF_MYSQL, *OF_POSTGRESQL = fenced(DOCS / "migrate-from-mlmd.md", "sql")


def statements_of(kind: str) -> list[tuple[str, str]]:
    """The statements of the page, each with the name of the database that it is for."""
    if kind == "mysql":
        lines = OF_MYSQL.splitlines()
        return [(match[1] if (match := re.search(r" ON (\w+)\.", line)) else "metadb", line) for line in lines]
    names = ("metadb", "mlpipeline")
    return [(name, line) for name, text in zip(names, OF_POSTGRESQL, strict=True) for line in text.splitlines()]


@dataclass
class Sources:
    """An MLMD store and a database of KFP on one server, and a user who may read what the page says."""

    kind: str
    urls: dict[str, str]
    reader: str = field(default_factory=lambda: f"reader_{secrets.token_hex(4)}")

    def run(self, name: str, statement: str) -> None:
        """Run a statement of the page on one of the databases."""
        for place, url in self.urls.items():
            statement = re.sub(rf"\b{place}\b", database_in(url), statement)
        execute(self.urls[name], re.sub(r"\breader\b", self.reader, statement))

    def request(self, store: str) -> ImportRequest:
        """The request to import both as the reader."""
        source, kfp = (changed(url, account=f"{self.reader}:{PASSWORD}") for url in self.urls.values())
        return ImportRequest(source, store, kfp=kfp)


@contextmanager
def sources(kind: str) -> Iterator[Sources]:
    """Both databases, in which nobody but their owner may do anything."""
    made = Sources(kind, {name: create_database(kind) for name in ("metadb", "mlpipeline")})
    copy = {"mysql": copy_to_mysql, "postgresql": copy_to_postgresql}[kind]
    copy(STORES / "kfp_main.sqlite", made.urls["metadb"])
    make_kfp_database(made.urls["mlpipeline"])
    try:
        if kind == "postgresql":
            for url in made.urls.values():
                execute(url, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for name, statement in statements_of(kind):
            made.run(name, statement)
        yield made
    finally:
        for url in made.urls.values():
            drop_database(url)
        account = f"ROLE {made.reader}" if kind == "postgresql" else f"USER '{made.reader}'@'%'"
        home = create_database(kind)
        execute(home, f"DROP {account}")
        drop_database(home)


async def test_the_rights_of_the_page_suffice(
    database_kind: str, migrated_url: str, make_migrated: Callable[[], str]
) -> None:
    other = make_migrated()
    with sources(database_kind) as made:
        kfp = made.urls["mlpipeline"]
        report = await imported(made.request(migrated_url))
        await imported(ImportRequest(store_url("kfp_main"), other, kfp=kfp))
    assert report.preflight.warnings == []
    without_jobs: Contents = {"import_jobs": []}
    assert contents(migrated_url) | without_jobs == contents(other) | without_jobs


async def test_each_right_of_the_page_is_needed(database_kind: str, migrated_url: str) -> None:
    with sources(database_kind) as made:
        rights = [(name, line) for name, line in statements_of(database_kind) if line.startswith("GRANT")]
        assert len(rights) >= 20
        for name, right in rights:
            made.run(name, right.replace("GRANT", "REVOKE").replace(" TO ", " FROM "))
            with pytest.raises(SourceRefused) as refused:
                await imported(made.request(migrated_url))
            assert_names_what_lacks(str(refused.value), right)
            made.run(name, right)
        await imported(made.request(migrated_url))


def assert_names_what_lacks(sentence: str, right: str) -> None:
    assert PASSWORD not in sentence
    what = re.split(r"[ .]", right.partition(" ON ")[2].partition(" TO ")[0])[-1]
    if what == "public":
        assert "is not an MLMD store: it lacks MLMD's tables" in sentence or "run_details" in sentence
        return
    tables = re.findall(r"table (\w+)", sentence.partition(" is incomplete: ")[2].partition(";")[0])
    assert [table.lower() for table in tables] == [what.lower()]


@pytest.mark.parametrize("column", ["string_value", "proto_value"])
async def test_a_right_on_some_columns_only_is_not_enough(column: str, database_kind: str, migrated_url: str) -> None:
    with sources(database_kind) as made:
        account = made.reader if database_kind == "postgresql" else f"'{made.reader}'@'%'"
        execute(made.urls["metadb"], f"REVOKE SELECT ON ExecutionProperty FROM {account}")
        columns = [
            "execution_id",
            "name",
            "is_custom_property",
            "int_value",
            "double_value",
            "byte_value",
            "bool_value",
        ]
        others = {"string_value", "proto_value"} - {column}
        allowed = ", ".join([*columns, *others])
        execute(made.urls["metadb"], f"GRANT SELECT ({allowed}) ON ExecutionProperty TO {account}")
        with pytest.raises(SourceRefused) as refused:
            await imported(made.request(migrated_url))
        assert f"is incomplete: column ExecutionProperty.{column} (not readable for this user);" in str(refused.value)
        execute(made.urls["metadb"], f"GRANT SELECT ({column}) ON ExecutionProperty TO {account}")
        report = await imported(made.request(migrated_url))
    assert report.preflight.warnings == []
