"""The database of MLMD or of KFP, given as the store by mistake, is refused with what to do instead, and is not touched."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from migrations.upgrade import SchemaState, check, plan_async, upgrade_async
from storage.errors import SchemaMismatch
from tests.databases import sqlite_path
from tests.databases.queries import execute, tables
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import STORES


def of_mlmd(url: str) -> None:
    if url.startswith("sqlite"):
        sqlite_path(url).write_bytes((STORES / "kfp_main.sqlite").read_bytes())
        return
    for name in ("Artifact", "Event", "Execution", "MLMDEnv", "Type"):
        execute(url, f"CREATE TABLE {name} (id INTEGER)")


OWNERS = {"MLMD": (of_mlmd, "is an MLMD store"), "KFP": (make_kfp_database, "belongs to the API server of Kubeflow")}


@pytest.mark.parametrize("owner", OWNERS)
def test_the_database_of_another_program_is_named_and_left_alone(database_url: str, owner: str) -> None:
    fill, expected = OWNERS[owner]
    fill(database_url)
    before = everything(database_url)
    [sentence] = {said for call in (upgrade_async, check) for said in [refusal(call, database_url)]}
    assert f"the database {expected}" in sentence
    assert "give Lineal a database of its own" in sentence
    assert "`lineal-server import-mlmd`" in sentence
    assert asyncio.run(plan_async(database_url)).state is SchemaState.FOREIGN
    assert everything(database_url) == before


async def test_tables_of_another_program_beside_a_schema_are_no_matter(migrated_url: str) -> None:
    for name in ("Artifact", "Event", "Execution", "MLMDEnv", "Type"):
        execute(migrated_url, f"CREATE TABLE {name} (id INTEGER)")
    await check(migrated_url)


def refusal(call: Callable[[str], Coroutine[Any, Any, Any]], url: str) -> str:
    with pytest.raises(SchemaMismatch) as caught:
        asyncio.run(call(url))
    return str(caught.value)


def everything(url: str) -> object:
    """What must not change: the bytes of a file, the tables of a server's database."""
    return sqlite_path(url).read_bytes() if url.startswith("sqlite") else tables(url)
