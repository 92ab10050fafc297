"""What an import, a dry run and verifying report while they run counts what it says."""

from pathlib import Path

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.importer import run_import
from migrations.mlmd.report import plan_lines
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.findings import Rule
from tests.mlmd.reading import RUNS_FILE
from tests.mlmd_import.imports import Watching, asked_for_file, change, copied

pytestmark = pytest.mark.one_database

PHASE = "artifacts without a run"
# An artifact that was used outside of runs only, and an event of a run whose artifact does not exist.
ODD_EVENTS = (
    "INSERT INTO Execution (id, type_id, create_time_since_epoch, last_update_time_since_epoch) VALUES (9000, 12, 1, 1)",
    "INSERT INTO Artifact (id, type_id, create_time_since_epoch, last_update_time_since_epoch) "
    "SELECT 9000, type_id, 1, 1 FROM Artifact WHERE id = 1",
    "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (9000, 9000, 9000, 3, 1)",
    "INSERT INTO Event (id, artifact_id, execution_id, type, milliseconds_since_epoch) VALUES (9001, 9999, 4, 3, 1)",
)


@pytest.mark.parametrize(
    ("name", "with_kfp", "statements", "count"),
    [
        ("tfx_like", False, (), 15),
        ("kfp_main", False, (), 0),
        ("kfp_main", True, (), 0),
        ("kfp_main", False, ODD_EVENTS, 1),
        ("kfp_v1_metadata_writer", False, ("DELETE FROM Event WHERE artifact_id = 1",), 1),
    ],
)
async def test_artifacts_without_a_run_are_counted_without_those_of_runs(
    migrated_url: str, tmp_path: Path, name: str, with_kfp: bool, statements: tuple[str, ...], count: int
) -> None:
    source = copied(name, tmp_path)
    change(source, *statements)
    request = asked_for_file(source, migrated_url, kfp=str(RUNS_FILE) if with_kfp else "")
    for command in (dry_run, run_import, run_import, verify):
        watching = Watching()
        report = await command(request, watching)
        assert report.survey is not None
        assert report.findings.count(Rule.ARTIFACTS_WITHOUT_TASK) == count
        assert report.plain()["source"]["artifacts_without_run"] == report.survey.artifacts_without_run == count
        told = [(done, total) for phase, done, total in watching.told if phase == PHASE]
        assert told[-1] == (count, count)
        assert any(f", {count} of them without a run →" in line for line in plan_lines(report.survey, "", ""))
