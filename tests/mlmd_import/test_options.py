"""An import whose options are not those of the import before is refused, unless the change is meant."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.importer import run_import
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import ImportRefused, SourceRefused
from migrations.mlmd.write.row_kinds import Kind
from tests.databases import create_database, drop_database
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import store_url
from tests.mlmd_import.imports import (
    Acting,
    Watching,
    asked,
    command,
    contents,
    everything,
    imported,
    main_request,
    ran,
)

pytestmark = pytest.mark.one_database


@pytest.fixture
def kfp_on_a_server(database_kind: str) -> Iterator[str]:
    """KFP's own database on a server, with a password in its URL."""
    url = create_database(database_kind)
    make_kfp_database(url)
    yield url
    drop_database(url)


async def assert_refused(request: ImportRequest, difference: str) -> None:
    """An import is refused for its options, and nothing is written."""
    before = everything(request.store)
    with pytest.raises(ImportRefused) as refused:
        await imported(request)
    way_out = "nothing was written. Give the same options again, or add --change-options if the change is intended"
    assert str(refused.value) == f"{difference}; {way_out}"
    assert everything(request.store) == before


async def test_an_import_without_the_kfp_database_of_the_one_before_is_refused(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    await assert_refused(
        asked("kfp_main", migrated_url), "the previous import was made with --kfp-db, this one without it"
    )


async def test_an_import_with_a_kfp_database_that_the_one_before_lacked_is_refused(migrated_url: str) -> None:
    await imported(asked("kfp_main", migrated_url))
    await assert_refused(main_request(migrated_url), "the previous import was made without --kfp-db, this one with it")


async def test_an_import_with_other_run_contexts_is_refused(migrated_url: str) -> None:
    await imported(asked("tfx_like", migrated_url, run_context_types=("pipeline", "two words")))
    difference = "the previous import had --run-context pipeline --run-context 'two words', this one has "
    await assert_refused(
        asked("tfx_like", migrated_url, run_context_types=("pipeline",)), f"{difference}--run-context pipeline"
    )
    await assert_refused(asked("tfx_like", migrated_url), f"{difference}no --run-context")


async def test_the_order_of_options_and_the_address_of_kfps_database_are_no_difference(
    migrated_url: str, tmp_path: Path
) -> None:
    kfp, alias = tmp_path / "kfp.sqlite", tmp_path / "alias.sqlite"
    make_kfp_database(f"sqlite:///{kfp}")
    alias.symlink_to(kfp)
    request = asked("kfp_v1_metadata_writer", migrated_url, kfp=f"sqlite:///{kfp}", run_context_types=("a", "b"))
    await imported(request)
    once = contents(migrated_url)
    await imported(replace(request, kfp=f"sqlite:///{alias}", run_context_types=("b", "a", "b")))
    assert contents(migrated_url) == once


@pytest.mark.databases("postgresql", "mysql")
def test_a_password_of_kfps_database_is_neither_kept_nor_told(migrated_url: str, kfp_on_a_server: str) -> None:
    words = command(store_url("kfp_v1_metadata_writer"), migrated_url)
    password = urlsplit(kfp_on_a_server).password or ""
    assert ran(*words, "--kfp-db", kfp_on_a_server).returncode == 0
    ended = ran(*words)
    assert (ended.returncode, "--kfp-db" in ended.stderr, password in ended.stderr) == (1, True, False)
    assert password not in repr(everything(migrated_url))
    assert ran(*words, "--kfp-db", kfp_on_a_server.replace("127.0.0.1", "localhost")).returncode == 0


async def test_options_that_are_meant_are_taken_and_kept(migrated_url: str) -> None:
    await imported(asked("tfx_like", migrated_url))
    request = asked("tfx_like", migrated_url, run_context_types=("node",))
    report = await imported(replace(request, change_options=True))
    assert report.records[Kind.RUN]["created"] == 3
    assert (await verify(request, Watching())).difference_count == 0
    await imported(request)


async def test_other_options_are_no_leave_to_do_damage(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    request = asked("kfp_main", migrated_url, change_options=True)
    before = contents(migrated_url)
    report = await imported(request)
    assert report.records[Kind.RUN]["kept_values"] == 16
    after = contents(migrated_url)
    assert [row[0:4] for row in after["runs"]] == [row[0:4] for row in before["runs"]]
    with pytest.raises(ImportRefused, match=r"would rename or move 16 runs: 16 of 246 rows, 6.5 %"):
        await imported(replace(request, prune=True))
    assert contents(migrated_url) == after
    await imported(replace(request, prune=True, yes=True))
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_dry_run_and_verify_say_which_options_differ(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    request, difference = (
        asked("kfp_main", migrated_url, prune=True),
        "the previous import was made with --kfp-db, this one without it",
    )
    foretold = await dry_run(request, Watching())
    assert foretold.refusals == [
        f"an import would be refused without --change-options: {difference}",
        "an import would be refused without --yes: it would rename or move 16 runs: 16 of 246 rows, 6.5 %",
    ]
    meant = await dry_run(replace(request, change_options=True, yes=True), Watching())
    assert meant.refusals == []
    with pytest.raises(SourceRefused, match=f"other options: {difference}; verify with the same options"):
        await verify(request, Watching())


async def test_a_store_that_was_imported_under_another_id_is_not_imported_twice(migrated_url: str) -> None:
    await imported(main_request(migrated_url))
    request = main_request(migrated_url, store_id="again")
    difference = (
        "this MLMD store was imported without --store-id before, and everything would be imported a second time"
    )
    await assert_refused(request, difference)
    foretold = await dry_run(request, Watching())
    assert foretold.refusals == [f"an import would be refused without --change-options: {difference}"]
    report = await imported(replace(request, change_options=True))
    assert report.records[Kind.RUN]["taken"] == 16
    await assert_refused(main_request(migrated_url, store_id="third"), difference)
    # The one that was let in goes on with the same options.
    await imported(request)


async def test_an_interrupted_import_goes_on_with_its_own_options_only(migrated_url: str) -> None:
    def interrupt(phase: str) -> None:
        raise KeyError(phase)

    with pytest.raises(KeyError):
        await run_import(main_request(migrated_url), Acting(interrupt))
    await assert_refused(
        asked("kfp_main", migrated_url), "the previous import was made with --kfp-db, this one without it"
    )
    report = await imported(main_request(migrated_url))
    assert (report.resumed, report.records[Kind.RUN]["created"]) == (True, 16)
