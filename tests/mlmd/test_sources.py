"""Opening a source: every version of MLMD's schema, and one clear sentence for whatever cannot be imported."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrations.mlmd.kfp.runs_file import RunsFile
from migrations.mlmd.read.store import open_store
from migrations.mlmd.vocabulary.errors import SourceRefused
from migrations.mlmd.vocabulary.findings import Rule
from storage.model import TaskState
from tests.mlmd.old_stores import CREATED, make_store
from tests.mlmd.reading import STORES, read_all, store_url


@pytest.mark.parametrize("version", range(11))
async def test_every_version_of_the_schema_is_read(tmp_path: Path, version: int) -> None:
    imported = await read_all(make_store(tmp_path / "mlmd.sqlite", version))
    assert imported.survey.schema_version == version
    (artifact,) = imported.artifacts.values()
    assert artifact.metadata == '{"_kfp_schema_title":"Model","p":7}'
    assert artifact.uri == "/m"
    if version < 4:
        # Nothing ties executions to runs yet.
        assert not imported.runs
        assert imported.findings.count(Rule.EXECUTIONS_WITHOUT_RUN, "Trainer") == 1
        assert imported.findings.count(Rule.EVENTS_WITHOUT_RUN) == 1
        return
    (task,) = imported.tasks
    assert task.name == "Trainer"
    assert artifact.name == ("my model" if version >= 5 else "model")
    assert [link.key for link in imported.links] == ["model"]
    if version >= 5:
        assert (task.state, task.created_at) == (TaskState.SUCCEEDED, CREATED * 1000)
    else:
        # Without times of its own, a run is as old as its first event.
        assert (task.state, task.created_at) == (TaskState.RUNTIME_STATE_UNSPECIFIED, CREATED * 1000)


async def test_a_store_that_lost_its_version_is_read_by_what_it_has(tmp_path: Path) -> None:
    imported = await read_all(make_store(tmp_path / "mlmd.sqlite", 10, with_version_row=False))
    assert len(imported.tasks) == 1


async def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    url = make_store(tmp_path / "mlmd.sqlite", 10)
    with closing(sqlite3.connect(tmp_path / "mlmd.sqlite")) as connection, connection:
        connection.execute("UPDATE MLMDEnv SET schema_version = 11")
    with pytest.raises(SourceRefused) as refusal:
        await read_all(url)
    assert str(refusal.value).endswith("has MLMD's schema version 11, but only versions up to 10 are supported")


async def test_tables_of_the_same_names_are_not_enough(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.sqlite")) as connection, connection:
        for name in ("Type", "Artifact", "Execution", "Event"):
            connection.execute(f"CREATE TABLE {name} (id INTEGER)")
    with pytest.raises(SourceRefused) as refusal:
        await read_all(f"sqlite:///{tmp_path}/other.sqlite")
    assert "is not an MLMD store: its table" in str(refusal.value)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "cannot be opened: No such file or directory"),
        (lambda path: path.mkdir(), "cannot be opened: Is a directory"),
        (lambda path: path.write_bytes(b""), "is not a SQLite database"),
        (lambda path: path.write_text("x" * 5000), "is not a SQLite database"),
    ],
)
async def test_what_is_no_database_is_refused(tmp_path: Path, make: object, sentence: str) -> None:
    assert callable(make)
    make(tmp_path / "mlmd.sqlite")
    with pytest.raises(SourceRefused) as refusal:
        await read_all(f"sqlite:///{tmp_path}/mlmd.sqlite")
    assert str(refusal.value).endswith(sentence)


async def test_a_broken_page_is_refused_when_it_is_met(tmp_path: Path) -> None:
    data = bytearray((STORES / "kfp_main.sqlite").read_bytes())
    data[4096 * 3 : 4096 * 60] = b"\xab" * (4096 * 57)
    (tmp_path / "mlmd.sqlite").write_bytes(data)
    with pytest.raises(SourceRefused) as refusal:
        await read_all(f"sqlite:///{tmp_path}/mlmd.sqlite")
    assert str(refusal.value).endswith("is damaged or cannot be read")


@pytest.mark.parametrize("url", ["oracle://host/db", "mlmd.sqlite", "mysql://host", "sqlite://"])
async def test_a_url_that_names_no_known_database_is_refused(url: str) -> None:
    with pytest.raises(SourceRefused):
        await read_all(url)


@pytest.mark.parametrize("mode", ["delete", "wal"])
async def test_a_file_is_neither_changed_nor_written_beside(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "with space & 100%.sqlite"
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
    before = path.read_bytes()
    imported = await read_all(f"sqlite:///{path}")
    assert len(imported.runs) == 16
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


async def test_what_is_still_in_the_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mlmd.sqlite"
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("UPDATE Context SET name = 'renamed' WHERE id = 2")
        writer.commit()
        imported = await read_all(f"sqlite:///{path}")
    assert imported.runs[0].run.id == "renamed"


async def test_text_that_is_no_utf_8_is_replaced_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "mlmd.sqlite"
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "UPDATE ArtifactProperty SET string_value = CAST(X'C3FF41' AS TEXT) WHERE artifact_id = 1 AND name = 'label'"
        )
    imported = await read_all(f"sqlite:///{path}")
    assert '"label":"��A"' in (imported.runs[0].artifacts[0].metadata or "")
    assert imported.counts()["CHARACTERS_REPLACED"] == 1


async def test_a_source_is_named_without_its_password() -> None:
    async with open_store(store_url("kfp_main")) as store:
        assert store.label == store_url("kfp_main")


async def test_a_write_ahead_log_that_is_empty_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes((STORES / "kfp_main.sqlite").read_bytes())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    (tmp_path / "store.sqlite-wal").touch()
    assert len((await read_all(f"sqlite:///{path}")).runs) == 16
    assert sorted(os.listdir(tmp_path)) == ["store.sqlite", "store.sqlite-wal"]


async def test_a_file_left_in_the_middle_of_a_write_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path, left = tmp_path / "store.sqlite", tmp_path / "left.sqlite"
    path.write_bytes((STORES / "kfp_main.sqlite").read_bytes())
    with closing(sqlite3.connect(path, isolation_level=None)) as writer:
        writer.execute("PRAGMA cache_size = 1")
        writer.execute("BEGIN")
        writer.execute("UPDATE ExecutionProperty SET string_value = 'other'")
        left.write_bytes(path.read_bytes())
        (tmp_path / "left.sqlite-journal").write_bytes((tmp_path / "store.sqlite-journal").read_bytes())
    before = left.read_bytes()
    with pytest.raises(SourceRefused, match="open it once with the program that wrote it"):
        await read_all(f"sqlite:///{left}")
    assert left.read_bytes() == before


async def test_runs_that_kfps_database_does_not_have_are_left_out() -> None:
    kfp = RunsFile({"runs": [{"run_id": "3883dfda-8676-4706-a06c-aecb5dba8e01", "argo_phase": "Succeeded"}]})
    imported = await read_all(store_url("kfp_main"), kfp=kfp)
    assert [run.run.id for run in imported.runs] == ["3883dfda-8676-4706-a06c-aecb5dba8e01"]
    assert imported.findings.count(Rule.RUNS_NOT_IN_KFP) == 15
    assert not imported.artifacts_without_run


@pytest.mark.timeout(30)
@pytest.mark.parametrize("id", [1e300, 0.5, "text"])
@pytest.mark.parametrize("table", ["Artifact", "Context"])
async def test_ids_that_are_no_whole_numbers_do_not_hold_an_import(tmp_path: Path, table: str, id: object) -> None:
    path = tmp_path / "mlmd.sqlite"
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE Loose AS SELECT * FROM {table}")
        connection.execute(f"DROP TABLE {table}")
        connection.execute(f"ALTER TABLE Loose RENAME TO {table}")
        connection.execute(f"UPDATE {table} SET id = ? WHERE id = (SELECT max(id) FROM {table})", [id])
    assert len((await read_all(f"sqlite:///{path}")).runs) >= 15


async def test_all_that_runs_left_out_had_is_counted() -> None:
    run_ids = [run.run.id for run in (await read_all(store_url("kfp_main"))).runs]
    imported = await read_all(
        store_url("kfp_main"), kfp=RunsFile({"runs": [{"run_id": run_id} for run_id in run_ids[::2]]})
    )
    survey, counts = imported.survey, imported.counts()
    kept = {id for run in imported.runs for id in run.artifact_ids}
    assert len(run_ids) - len(imported.runs) == counts["RUNS_NOT_IN_KFP"] == 8
    assert survey.executions - sum(len(run.task_ids) for run in imported.runs) == counts["EXECUTIONS_NOT_IN_KFP"]
    assert survey.artifacts - len(kept) == counts["ARTIFACTS_NOT_IN_KFP"] > 0
    assert counts["EVENTS_NOT_IN_KFP"] > 0


@pytest.mark.parametrize("text", ["", "[]", "{", '{"runs": [{}]}', '{"runs": [1]}'])
def test_a_file_that_is_no_list_of_runs_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "runs.json"
    path.write_text(text)
    with pytest.raises(SourceRefused):
        RunsFile.read(str(path))


def test_a_missing_file_of_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceRefused) as refusal:
        RunsFile.read(str(tmp_path / "none.json"))
    assert str(refusal.value).endswith("cannot be opened: No such file or directory")


async def test_two_runs_of_one_name_get_ids_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "mlmd.sqlite"
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO Type (id, name, version, type_kind) VALUES (99, 'system.PipelineRun', 'v2', 2)")
        connection.execute(
            "UPDATE Context SET type_id = 99, name = '3883dfda-8676-4706-a06c-aecb5dba8e01' WHERE id = 26"
        )
    imported = await read_all(f"sqlite:///{path}")
    assert len({run.run.id for run in imported.runs}) == 16
    assert imported.findings.count(Rule.RUNS_WITH_TAKEN_ID) == 1
