"""A source that lacks what its version has is refused, with all of it named, and nothing is written."""

from pathlib import Path

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.importer import run_import
from migrations.mlmd.kfp.tables import COLUMNS as KFP_COLUMNS
from migrations.mlmd.read.versions import COLUMNS, FIRST_TABLES, KEYS, is_in
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import SourceRefused
from tests.databases.queries import execute, tables
from tests.mlmd.kfp_databases import TABLES, make_kfp_database
from tests.mlmd.old_stores import make_store
from tests.mlmd_import.imports import Watching, asked, asked_for_file, change, command, copied, imported, ran

on_a_file = pytest.mark.databases("sqlite")

OTHER_TABLES = sorted(COLUMNS.keys() - set(FIRST_TABLES))
COLUMNS_OF_VERSION_10 = [(table, column) for table in COLUMNS for column in COLUMNS[table] if is_in(10, table, column)]


async def refusal(source: Path, store: str, **options: object) -> str:
    """What an import is refused with."""
    with pytest.raises(SourceRefused) as refused:
        await imported(asked_for_file(source, store, **options))
    return str(refused.value)


@on_a_file
@pytest.mark.parametrize("table", COLUMNS)
async def test_each_table_that_is_missing_is_named(table: str, database_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, f"DROP TABLE {table}")
    assert f"is incomplete: table {table} (missing);" in await refusal(source, database_url)
    assert tables(database_url) == set()


@on_a_file
@pytest.mark.parametrize(("table", "column"), COLUMNS_OF_VERSION_10)
async def test_each_column_that_is_missing_is_named(table: str, column: str, database_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    assert f"column {table}.{column} (missing)" in await refusal(source, database_url)
    assert tables(database_url) == set()


async def test_everything_that_is_missing_is_named_in_one_answer(database_url: str, tmp_path: Path) -> None:
    source, kfp = copied("kfp_main", tmp_path), f"sqlite:///{tmp_path}/kfp.sqlite"
    make_kfp_database(kfp, leaving_out=("experiments",))
    execute(kfp, "ALTER TABLE pipelines RENAME COLUMN CreatedAtInSec TO other")
    change(
        source, "DROP TABLE ArtifactProperty", "DROP TABLE Attribution", "ALTER TABLE Event RENAME COLUMN type TO other"
    )
    words = command(f"sqlite:///{source}", database_url, "--upgrade", "--kfp-db", kfp)
    ended = ran(*words)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1)
    for name in (
        *("table ArtifactProperty", "table Attribution", "column Event.type"),
        *("table experiments", "column pipelines.CreatedAtInSec"),
    ):
        assert name in ended.stderr
    assert tables(database_url) == set()


@on_a_file
@pytest.mark.parametrize("version", range(11))
async def test_what_a_version_does_not_have_is_not_missed(version: int, migrated_url: str, tmp_path: Path) -> None:
    make_store(tmp_path / "mlmd.sqlite", version)
    report = await imported(asked_for_file(tmp_path / "mlmd.sqlite", migrated_url, skipped=str(tmp_path / "list")))
    assert report.preflight.warnings == []


@on_a_file
@pytest.mark.parametrize("version", range(2, 11))
async def test_a_version_that_is_hidden_is_told_from_the_columns(
    version: int, database_url: str, tmp_path: Path
) -> None:
    source = tmp_path / "mlmd.sqlite"
    make_store(source, version)
    change(source, "DROP TABLE MLMDEnv", "DROP TABLE ExecutionProperty")
    told = 7 if version == 8 else version  # which added indexes only
    sentence = f"of MLMD's schema version {told}, is incomplete: table ExecutionProperty and table MLMDEnv (missing)"
    assert sentence in await refusal(source, database_url)


@pytest.mark.parametrize("table", OTHER_TABLES)
async def test_what_is_missing_can_be_done_without(table: str, migrated_url: str, tmp_path: Path) -> None:
    source, list_file = copied("kfp_main", tmp_path), str(tmp_path / "list")
    change(source, f"DROP TABLE {table}")
    request = asked_for_file(source, migrated_url, allow_incomplete=True, skipped=list_file)
    watching = Watching()
    report = await run_import(request, watching)
    warning = (
        f"the source sqlite:///{source}, of MLMD's schema version 10, is incomplete: table {table} (missing); "
        "it is read without that"
    )
    assert report.plain()["warnings"] == [warning]
    assert f"warning: {warning}" in list(report.lines())
    assert f"warning: {warning}" in watching.warnings
    checked = await verify(asked_for_file(source, migrated_url, allow_incomplete=True), Watching())
    assert (checked.difference_count, checked.preflight.warnings) == (0, [warning])


@on_a_file
@pytest.mark.parametrize(
    ("table", "column"), [one for one in COLUMNS_OF_VERSION_10 if one[1] not in KEYS.get(one[0], one[1:])]
)
async def test_a_column_that_is_missing_can_be_done_without(
    table: str, column: str, migrated_url: str, tmp_path: Path
) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    report = await imported(asked_for_file(source, migrated_url, allow_incomplete=True))
    (warning,) = report.preflight.warnings
    assert f"column {table}.{column} (missing)" in warning


@on_a_file
@pytest.mark.parametrize("table", FIRST_TABLES)
async def test_some_tables_cannot_be_done_without(table: str, database_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, f"DROP TABLE {table}", "DROP TABLE ContextProperty")
    sentence = await refusal(source, database_url, allow_incomplete=True)
    assert f"table {table}" in sentence
    assert "table ContextProperty" in sentence
    assert sentence.endswith("without Type and Artifact and Execution and Event nothing can be imported")
    assert tables(database_url) == set()


@on_a_file
async def test_a_source_that_has_become_incomplete_is_not_verified(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    await imported(asked_for_file(source, migrated_url))
    change(source, "DROP TABLE ExecutionProperty")
    with pytest.raises(SourceRefused, match=r"table ExecutionProperty \(missing\)"):
        await verify(asked_for_file(source, migrated_url), Watching())


@on_a_file
async def test_a_dry_run_says_that_an_import_would_be_refused(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    change(source, "DROP TABLE ExecutionProperty")
    report = await dry_run(asked_for_file(source, migrated_url), Watching())
    (sentence,) = report.plain()["refusals"]
    assert sentence.startswith("an import would be refused without --allow-incomplete: ")
    assert "table ExecutionProperty (missing)" in sentence


@on_a_file
async def test_what_cannot_be_read_is_not_pruned(migrated_url: str, tmp_path: Path) -> None:
    source = copied("kfp_main", tmp_path)
    ended = ran(*command(f"sqlite:///{source}", migrated_url, "--prune", "--allow-incomplete"))
    assert ended.returncode == 2
    assert "--prune would remove what cannot be read" in ended.stderr


OF_EVERY_RELEASE = [(table, column) for table, (base, _) in KFP_COLUMNS.items() for column in base]
OF_SOME_RELEASES = [
    (table, column) for table, (_, further) in KFP_COLUMNS.items() for column in further if column in TABLES[table][0]
]


def kfp_without(folder: Path, *statements: str) -> str:
    """A database of KFP, changed."""
    url = f"sqlite:///{folder}/kfp.sqlite"
    make_kfp_database(url)
    for statement in statements:
        execute(url, statement)
    return url


@on_a_file
@pytest.mark.parametrize(("table", "column"), OF_EVERY_RELEASE)
async def test_each_column_that_kfps_database_must_have_is_named(
    table: str, column: str, database_url: str, tmp_path: Path
) -> None:
    kfp = kfp_without(tmp_path, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    with pytest.raises(SourceRefused) as refused:
        await imported(asked("kfp_main", database_url, kfp=kfp))
    assert f"KFP's database {kfp} is incomplete: column {table}.{column} (missing);" in str(refused.value)
    assert tables(database_url) == set()


@on_a_file
@pytest.mark.parametrize(("table", "column"), OF_SOME_RELEASES)
async def test_what_only_some_releases_of_kfp_have_is_not_missed(
    table: str, column: str, migrated_url: str, tmp_path: Path
) -> None:
    kfp = kfp_without(tmp_path, f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    assert (await imported(asked("kfp_main", migrated_url, kfp=kfp))).preflight.warnings == []


@on_a_file
@pytest.mark.parametrize("table", KFP_COLUMNS)
async def test_each_table_that_kfps_database_must_have_is_named(table: str, migrated_url: str, tmp_path: Path) -> None:
    kfp = kfp_without(tmp_path, f"DROP TABLE {table}")
    with pytest.raises(SourceRefused, match=table):
        await imported(asked("kfp_main", migrated_url, kfp=kfp))
    if table == "run_details":
        return  # without runs, it is not a database of KFP
    report = await imported(asked("kfp_main", migrated_url, kfp=kfp, allow_incomplete=True))
    (warning,) = report.preflight.warnings
    assert f"table {table} (missing)" in warning


@on_a_file
async def test_releases_of_kfp_before_2_had_no_cache(migrated_url: str, tmp_path: Path) -> None:
    kfp = kfp_without(tmp_path, "DROP TABLE tasks", "ALTER TABLE run_details RENAME COLUMN State TO other")
    assert (await imported(asked("kfp_main", migrated_url, kfp=kfp))).preflight.warnings == []
