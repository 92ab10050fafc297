"""What holds of a store after any import, whatever happened to its source. For the tests of imports."""

from migrations.mlmd.write.row_kinds import SHAPES, Kind
from storage.model import TaskType
from tests.databases.queries import execute
from tests.mlmd_import.imports import contents


def assert_whole(url: str) -> None:
    """Nothing refers to what does not exist, and the import notes what it wrote."""
    none = [(0,)]
    for table, column, other in (
        ("tasks", "run_id", "runs"),
        ("tasks", "parent_task_id", "tasks"),
        ("artifact_tasks", "run_id", "runs"),
        ("artifact_tasks", "task_id", "tasks"),
        ("artifact_tasks", "artifact_id", "artifacts"),
    ):
        lost = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT id FROM {other})"
        assert execute(url, lost) == none, (table, column)
    found = contents(url)
    noted = {(kind, row_id) for _, kind, row_id, _ in found["imported_rows"]}
    for kind in (Kind.RUN, Kind.TASK, Kind.ARTIFACT, Kind.LINK):
        ids = {row_id for noted_kind, row_id in noted if noted_kind == kind}
        assert ids == {row[0] for row in found[SHAPES[kind].table.name]}


def assert_groups(url: str) -> None:
    """Each run has its experiment, its pipeline and its version."""
    for column, table in (
        ("experiment_id", "experiments"),
        ("pipeline_id", "pipelines"),
        ("pipeline_version_id", "pipeline_versions"),
    ):
        lost = f"SELECT count(*) FROM runs WHERE {column} <> '' AND {column} NOT IN (SELECT id FROM {table})"
        assert execute(url, lost) == [(0,)], column


def assert_one_root_each(url: str) -> None:
    """No run has several ROOT tasks."""
    roots = f"SELECT run_id FROM tasks WHERE type = {int(TaskType.ROOT)}"
    assert len(execute(url, f"SELECT DISTINCT run_id FROM ({roots}) AS r")) == len(execute(url, roots))
