"""--skipped lists every case of every finding, and every row that was kept or left alone: as many as the report counts."""

from collections import Counter
from pathlib import Path

import pytest

from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.report import Report
from migrations.mlmd.write.row_kinds import LABELS
from storage.errors import Unavailable
from tests.databases.queries import execute
from tests.mlmd.kfp_databases import make_kfp_database
from tests.mlmd.reading import RUNS_FILE
from tests.mlmd_import.imports import Watching, asked_for_file, change, copied, imported
from tests.mlmd_import.test_command import IMPORTED

pytestmark = pytest.mark.one_database

on_a_file = pytest.mark.databases("sqlite")


def listed(path: Path) -> Counter[tuple[str, str]]:
    """How many cases are listed, by rule and kind."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    assert all(len(line) == 3 and line[2] for line in lines)
    assert len({tuple(line) for line in lines if line[0] in ("GONE", "EXECUTIONS_WITHOUT_RUN")}) == sum(
        line[0] in ("GONE", "EXECUTIONS_WITHOUT_RUN") for line in lines
    )
    return Counter((rule, kind) for rule, kind, _ in lines)


def counted(report: Report) -> Counter[tuple[str, str]]:
    """How many cases a report counts, by rule and kind."""
    counts = Counter({(finding.rule.name, finding.kind): finding.count for finding in report.findings})
    return counts + Counter({(outcome.name, LABELS[kind]): c.count for kind, outcome, c in report.tally.left_alone()})


@on_a_file
@pytest.mark.parametrize("name", IMPORTED)
async def test_as_many_cases_are_listed_as_counted(name: str, migrated_url: str, tmp_path: Path) -> None:
    source, path = copied(name, tmp_path), tmp_path / "skipped.tsv"
    change(source, "DELETE FROM Association WHERE id % 3 = 0", "DELETE FROM Event WHERE id % 7 = 0")
    request = asked_for_file(source, migrated_url, skipped=str(path))
    foretold = await dry_run(request, Watching())
    assert listed(path) == counted(foretold)
    report = await imported(request)
    assert listed(path) == counted(report)
    # With a store that is shorter, longer and changed here.
    execute(migrated_url, "UPDATE artifacts SET description = 'mine'")
    execute(migrated_url, "DELETE FROM artifact_tasks")
    change(source, "DELETE FROM Execution WHERE id % 4 = 0", "DELETE FROM Association WHERE id % 4 = 0")
    report = await imported(request)
    assert listed(path) == counted(report) != Counter()


async def test_what_kfp_does_not_have_is_listed(migrated_url: str, tmp_path: Path) -> None:
    kfp, path = f"sqlite:///{tmp_path}/kfp.sqlite", tmp_path / "skipped.tsv"
    make_kfp_database(kfp)
    execute(kfp, f"UPDATE experiments SET Name = '{'n' * 300}'")
    request = asked_for_file(copied("kfp_main", tmp_path), migrated_url, kfp=kfp, skipped=str(path))
    report = await imported(request)
    assert listed(path) == counted(report)
    assert listed(path)["EVENTS_NOT_IN_KFP", ""] > 10


async def test_a_list_that_cannot_be_written_is_told_before_anything_is(migrated_url: str, tmp_path: Path) -> None:
    request = asked_for_file(copied("kfp_main", tmp_path), migrated_url, kfp=str(RUNS_FILE), skipped=str(tmp_path))
    with pytest.raises(Unavailable, match="cannot be written"):
        await imported(request)
    assert execute(migrated_url, "SELECT count(*) FROM import_jobs") == [(0,)]
