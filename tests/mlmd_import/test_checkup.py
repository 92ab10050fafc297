"""`doctor` says of each import whether it is half done, undone in part, or how old it is; it needs no source for that."""

import re
import time
from collections.abc import Callable

import pytest

from migrations.mlmd.checkup import examine_imports
from migrations.mlmd.importer import run_import
from migrations.mlmd.undo import undo
from migrations.mlmd.write.target import open_for_import
from tests.cli.program import lineal
from tests.databases.queries import execute
from tests.mlmd_import.imports import Acting, asked, imported, main_request

pytestmark = pytest.mark.one_database

DAY = 86_400_000_000


class Killed(BaseException):
    """Ends an import as a signal does."""


def said_by_doctor(store: str) -> list[str]:
    """What `doctor` says of imports; the store has no other problem that its tests do not expect."""
    lines = lineal("doctor", "--store", store).stdout.splitlines()
    return [line.removeprefix("import: ") for line in lines if line.startswith("import: ")]


def kill(_: str) -> None:
    raise Killed


async def half_done(store: str, store_id: str = "") -> None:
    """Import a part of a store."""
    with pytest.raises(Killed):
        await run_import(main_request(store, store_id=store_id), Acting(kill))


def test_without_imports_there_is_nothing_to_say(migrated_url: str) -> None:
    assert said_by_doctor(migrated_url) == []


async def test_an_import_that_stopped_is_half_done(migrated_url: str) -> None:
    await half_done(migrated_url, "second")
    execute(migrated_url, f"UPDATE import_jobs SET updated_at = updated_at - {3 * DAY}")
    (sentence,) = await examine_imports(migrated_url)
    assert re.fullmatch(
        r"of sqlite:////\S+/kfp_main\.sqlite, with --store-id second, is half done: it stopped at runs, with its last "
        r"progress 3 days ago; run the same `lineal-server import-mlmd` with --store-id second again to go on, or with "
        r"--undo to remove it",
        sentence,
    )


async def test_an_import_that_runs_is_not_half_done(migrated_url: str) -> None:
    await half_done(migrated_url)
    async with open_for_import(migrated_url):
        (sentence,) = await examine_imports(migrated_url)
    assert "runs now, at runs, with its last progress" in sentence
    assert "half done" not in sentence


async def test_a_finished_import_has_an_age(migrated_url: str) -> None:
    await imported(asked("kfp_main", migrated_url))
    execute(migrated_url, f"UPDATE import_jobs SET finished_at = finished_at - {DAY // 2 * 5}")
    (sentence,) = await examine_imports(migrated_url)
    assert sentence.endswith("kfp_main.sqlite, without --store-id, is complete; it was last trued up 2 days ago")


async def test_an_undo_that_stopped_is_undone_in_part(migrated_url: str) -> None:
    await imported(asked("kfp_main", migrated_url))

    def stop(*_: object) -> None:
        raise Killed

    with pytest.raises(Killed):
        await undo(asked("kfp_main", migrated_url), stop)
    execute(migrated_url, "UPDATE import_jobs SET updated_at = updated_at - 600000000")
    (sentence,) = await examine_imports(migrated_url)
    assert "without --store-id, is undone in part, since 10 minutes ago; run `lineal-server import-mlmd` " in sentence


async def test_each_import_is_named(migrated_url: str) -> None:
    await imported(asked("tfx_like", migrated_url))
    await half_done(migrated_url, "other")
    first, second = await examine_imports(migrated_url)
    assert "without --store-id, is complete" in first
    assert "with --store-id other, is half done" in second


async def test_the_lock_is_the_stores_own(migrated_url: str, make_migrated: Callable[[], str]) -> None:
    other = make_migrated()
    await half_done(migrated_url)
    async with open_for_import(other):
        (sentence,) = await examine_imports(migrated_url)
    assert "is half done" in sentence


def test_doctor_prints_what_is_found(migrated_url: str) -> None:
    now = time.time_ns() // 1000
    columns = "id, store_id, source, identity, options, state, progress, started_at, updated_at"
    values = f"1, '', 'mysql://reader:***@db/metadb', '{{}}', '{{}}', 'RUNNING', '{{\"phase\": \"ARTIFACTS\"}}', {now}, {now}"
    execute(migrated_url, f"INSERT INTO import_jobs ({columns}) VALUES ({values})")
    (sentence,) = said_by_doctor(migrated_url)
    assert sentence.startswith(
        "of mysql://reader:***@db/metadb, without --store-id, is half done: it stopped at artifacts"
    )
