"""Whatever is written to KFP's own database while it is read, the import ends, and later ones make up for what it missed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrations.mlmd.source import ImportRequest
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd_import.beside import Act, Beside, assert_like_a_fresh_import, make_source
from tests.mlmd_import.source_writer import RUN, SourceWriter
from tests.mlmd_import.whole import assert_groups

SPEC = "SELECT PipelineSpecManifest FROM run_details LIMIT 1"


def add_run(kfp: SourceWriter, id: str, experiment: str = "e1", pipeline: str = "p1", version: str = "v1") -> None:
    """Add a run of the database's first pipeline."""
    kfp.run(
        "INSERT INTO run_details (UUID, DisplayName, Name, Namespace, State, ExperimentUUID, PipelineId, "
        "PipelineVersionId, CreatedAtInSec, PipelineSpecManifest) "
        f"SELECT '{id}', 'run {id}', 'workflow {id}', 'team-k', 'RUNNING', '{experiment}', '{pipeline}', '{version}', 5, "
        f"({SPEC})"
    )


def add_group(kfp: SourceWriter, name: str) -> None:
    """Add an experiment, a pipeline and a version."""
    kfp.run(f"INSERT INTO experiments (UUID, Name, Namespace, CreatedAtInSec) VALUES ('e-{name}', 'e {name}', '', 3)")
    kfp.run(f"INSERT INTO pipelines (UUID, Name, Namespace, CreatedAtInSec) VALUES ('p-{name}', 'p {name}', '', 2)")
    kfp.run(
        "INSERT INTO pipeline_versions (UUID, PipelineId, Name, CreatedAtInSec, PipelineSpec) "
        f"VALUES ('v-{name}', 'p-{name}', 'first', 4, '{{}}')"
    )


@pytest.fixture
def kfp(tmp_path: Path, make_source_database: Callable[[], str]) -> str:
    """KFP's own database, with the runs of kfp_main but one."""
    url = make_source_database()
    make_kfp_database(url)
    writer = SourceWriter(url)
    writer.run("DELETE FROM run_details WHERE Name <> 'training-abc'")
    source = SourceWriter(make_source("kfp_main", "sqlite", tmp_path))
    for name in [row[0] for row in source.run(f"SELECT name FROM Context WHERE type_id = {source.type(RUN)}")][1:]:
        add_run(writer, name)
    writer.close()
    return url


def nothing(*_: object) -> None:
    """Nothing is written."""


def state_changed(kfp: SourceWriter, n: int) -> None:
    state = ("SUCCEEDED", "FAILED", "RUNNING")[n % 3]
    kfp.run(f"UPDATE run_details SET State = '{state}', FinishedAtInSec = {9 + n}, StorageState = 'ARCHIVED'")


def new_group(kfp: SourceWriter, n: int) -> None:
    add_group(kfp, f"{n % 16:x}-{n}")


def run_appears(kfp: SourceWriter, n: int) -> None:
    missing = "0b3eef8c-7345-41b4-a437-2db96667b37c"
    if not kfp.run(f"SELECT 1 FROM run_details WHERE UUID = '{missing}'"):
        add_run(kfp, missing)


def run_deleted(kfp: SourceWriter, n: int) -> None:
    ids = [row[0] for row in kfp.run("SELECT UUID FROM run_details ORDER BY UUID")]
    for id in ids[n % 7 :: 7]:
        kfp.run(f"DELETE FROM run_details WHERE UUID = '{id}'")


def groups_deleted(kfp: SourceWriter, n: int) -> None:
    add_group(kfp, f"short-{n}")
    kfp.run(f"DELETE FROM {('experiments', 'pipelines', 'pipeline_versions')[n % 3]}")


def names_changed(kfp: SourceWriter, n: int) -> None:
    for table in ("experiments", "pipelines", "pipeline_versions", "run_details"):
        kfp.run(f"UPDATE {table} SET Name = '{table} {n}'")
    kfp.run(f"UPDATE run_details SET DisplayName = 'run {n}', ExperimentUUID = 'e-{n}', Namespace = 'team-{n}'")


ADDITIONS: tuple[Act, ...] = (state_changed, new_group, run_appears)
DAMAGE: tuple[Act, ...] = (run_deleted, groups_deleted, names_changed)


def new_run(kfp: SourceWriter) -> Act:
    """A run with groups of its own: KFP writes what it belongs to first, and MLMD's rows last."""

    def act(writer: SourceWriter, n: int) -> None:
        add_group(kfp, f"new-{n}")
        add_run(kfp, f"new-run-{n}", f"e-new-{n}", f"p-new-{n}", f"v-new-{n}")
        context = writer.context(RUN, f"new-run-{n}", namespace="team-k", resource_name="run-resource")
        writer.root_of(context, f"new-run-{n}")
        writer.event(writer.task(context, "train"), writer.artifact(display_name="model"))

    return act


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("act", ADDITIONS, ids=lambda act: act.__name__)
async def test_what_is_written_meanwhile_comes_with_later_imports(
    migrated_url: str,
    make_migrated: Callable[[], str],
    kfp: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: Act,
) -> None:
    source = f"sqlite:///{tmp_path / 'kfp_main.sqlite'}"
    request, beside = ImportRequest(source, migrated_url, kfp=kfp), Beside(monkeypatch, source, kfp)
    assert beside.kfp is not None
    await beside.imports(request, new_run(beside.kfp), act, check=assert_groups)
    await assert_like_a_fresh_import(request, make_migrated())


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("act", DAMAGE, ids=lambda act: act.__name__)
async def test_what_is_damaged_meanwhile_ends_no_import(
    migrated_url: str, kfp: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    source = f"sqlite:///{tmp_path / 'kfp_main.sqlite'}"
    request = ImportRequest(source, migrated_url, kfp=kfp)
    await Beside(monkeypatch, source, kfp).imports(request, nothing, act)
