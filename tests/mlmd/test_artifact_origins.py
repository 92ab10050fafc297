"""Where artifacts come from when several runs, other namespaces or executions without a run touch them."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from migrations.mlmd.mapping.ids import Ids
from migrations.mlmd.read.store import open_store
from migrations.mlmd.vocabulary.findings import Rule
from tests.mlmd.builders import CREATED, INPUT, OUTPUT
from tests.mlmd.reading import STORES, Imported, read_all

IDS = Ids()
IN_TEAM_A, IN_TEAM_B = 2, 12
"""Executions of runs in these namespaces."""


def changed(path: Path, *statements: str) -> str:
    """Copy kfp_main, change it and return its URL."""
    shutil.copyfile(STORES / "kfp_main.sqlite", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return f"sqlite:///{path}"


def an_event(id: int, artifact_id: int, execution_id: int, type: int) -> str:
    return f"INSERT INTO Event VALUES ({id}, {artifact_id}, {execution_id}, {type}, {CREATED})"


def an_artifact(id: int) -> str:
    return f"INSERT INTO Artifact VALUES ({id}, 14, '/{id}', 2, NULL, NULL, {CREATED}, {CREATED})"


def an_execution(id: int) -> str:
    return f"INSERT INTO Execution VALUES ({id}, 13, 3, NULL, NULL, {CREATED}, {CREATED})"


def namespaces(imported: Imported, artifact_id: int) -> dict[str, str]:
    """The namespaces of the rows that an artifact became, by id."""
    ids = {id for run in imported.runs for id in run.artifact_ids.get(artifact_id, ())}
    return {id: imported.artifacts[id].namespace for id in ids}


async def test_an_artifact_used_in_two_namespaces_is_in_both(tmp_path: Path) -> None:
    url = changed(tmp_path / "m.sqlite", an_event(100, 1, IN_TEAM_B, INPUT))
    imported = await read_all(url, executions_per_batch=1)
    assert namespaces(imported, 1) == {IDS.of("artifact:1"): "team-a", IDS.of("artifact:1@team-b"): "team-b"}
    assert imported.findings.count(Rule.ARTIFACTS_COPIED, "team-b") == 1
    (link,) = [x for x in imported.links if x.id == IDS.of("event:12:1:3:data:0")]
    assert link.artifact_id == IDS.of("artifact:1@team-b")
    assert link.producer == '{"taskName":"make-dataset"}'


async def test_an_artifact_is_at_home_where_it_was_made_first(tmp_path: Path) -> None:
    used_before = an_event(90, 50, IN_TEAM_A, INPUT)
    url = changed(tmp_path / "m.sqlite", an_artifact(50), used_before, an_event(91, 50, IN_TEAM_B, OUTPUT))
    imported = await read_all(url)
    assert namespaces(imported, 50) == {IDS.of("artifact:50"): "team-b", IDS.of("artifact:50@team-a"): "team-a"}


async def test_an_artifact_that_was_only_used_is_at_home_where_it_was_used_first(tmp_path: Path) -> None:
    events = (an_event(90, 50, IN_TEAM_B, INPUT), an_event(91, 50, IN_TEAM_A, INPUT))
    imported = await read_all(changed(tmp_path / "m.sqlite", an_artifact(50), *events))
    assert namespaces(imported, 50) == {IDS.of("artifact:50"): "team-b", IDS.of("artifact:50@team-a"): "team-a"}


async def test_executions_without_a_run_are_not_an_origin(tmp_path: Path) -> None:
    url = changed(
        tmp_path / "m.sqlite",
        an_artifact(50),
        an_execution(500),
        an_event(90, 50, 500, OUTPUT),
        an_event(91, 50, IN_TEAM_A, INPUT),
        an_event(92, 50, IN_TEAM_B, OUTPUT),
    )
    imported = await read_all(url)
    assert namespaces(imported, 50) == {IDS.of("artifact:50"): "team-b", IDS.of("artifact:50@team-a"): "team-a"}
    assert imported.findings.count(Rule.EXECUTIONS_WITHOUT_RUN, "system.ContainerExecution") == 1
    assert imported.findings.count(Rule.EVENTS_WITHOUT_RUN) == 1


async def test_an_artifact_that_only_a_stray_execution_made_has_no_links(tmp_path: Path) -> None:
    url = changed(tmp_path / "m.sqlite", an_artifact(50), an_execution(500), an_event(90, 50, 500, OUTPUT))
    imported = await read_all(url)
    assert [artifact.id for artifact in imported.artifacts_without_run] == [IDS.of("artifact:50")]


async def test_an_artifact_that_a_run_claims_without_event_is_in_its_namespace(tmp_path: Path) -> None:
    claim = "INSERT INTO Attribution VALUES (900, 4, 50)"  # a run in team-b
    imported = await read_all(changed(tmp_path / "m.sqlite", an_artifact(50), an_artifact(51), claim))
    assert {artifact.id: artifact.namespace for artifact in imported.artifacts_without_run} == {
        IDS.of("artifact:50"): "team-b",
        IDS.of("artifact:51"): "",
    }


async def test_each_artifact_is_counted_in_one_run(tmp_path: Path) -> None:
    url = changed(tmp_path / "m.sqlite", an_event(100, 1, IN_TEAM_B, INPUT))
    imported = await read_all(url)
    assert sum(run.own_artifacts for run in imported.runs) == imported.survey.artifacts == 41


async def test_reading_goes_on_after_any_artifact(tmp_path: Path) -> None:
    url = changed(tmp_path / "m.sqlite", *(an_artifact(id) for id in range(50, 60)))
    async with open_store(url) as store:
        found = [row.id async for batch in store.artifacts_without_run(after=54) for row, _ in batch.artifacts]
    assert found == [55, 56, 57, 58, 59]
