"""What a store had when it was surveyed is what all batches read, whatever is written meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from migrations.mlmd.read.store import MlmdStore, open_store
from tests.mlmd.builders import OUTPUT
from tests.mlmd_import.beside import make_source
from tests.mlmd_import.source_writer import SourceWriter

IN_TEAM_A, IN_TEAM_B = 2, 12
"""Executions of runs in these namespaces."""
RUN_IN_TEAM_B = 4


@pytest.fixture
def writer(tmp_path: Path) -> SourceWriter:
    """A program that writes to a copy of kfp_main."""
    return SourceWriter(make_source("kfp_main", "sqlite", tmp_path))


@pytest.fixture
async def store(writer: SourceWriter) -> AsyncIterator[MlmdStore]:
    """That copy, surveyed; with an execution that comes into its run only later, whose artifact another run used."""
    outside = writer.execution(task_name="outside")
    for key in ("used", "unused"):
        writer.event(outside, writer.artifact(), OUTPUT, key)
    writer.use(IN_TEAM_A, 42, "late")
    writer.use(IN_TEAM_A, writer.artifact())
    writer.artifact(display_name="alone")
    # A run whose type is missing is one of KFP v2's.
    writer.run("UPDATE Context SET type_id = 99 WHERE id = 3")
    async with open_store(writer.url) as store:
        yield store


async def rows_of(store: MlmdStore) -> list[Any]:
    """Everything that is read."""
    runs = [run async for batch in store.runs(executions_per_batch=20) for run in batch.runs]
    return [*runs, *[row async for batch in store.artifacts_without_run() for row in batch.artifacts]]


async def test_what_is_younger_than_the_survey_waits(writer: SourceWriter, store: MlmdStore) -> None:
    before = await rows_of(store)
    writer.event(IN_TEAM_A, 5, OUTPUT, "younger")
    writer.event(IN_TEAM_B, 44, OUTPUT, "younger")
    writer.use(IN_TEAM_B, 45)
    writer.use(IN_TEAM_B, writer.artifact())
    writer.task(RUN_IN_TEAM_B, "younger")
    writer.associate(RUN_IN_TEAM_B, IN_TEAM_A)
    writer.run_context("a younger run")
    writer.artifact(display_name="alone")
    assert await rows_of(store) == before


async def test_what_an_execution_made_comes_from_the_run_into_which_it_came_later(
    writer: SourceWriter, store: MlmdStore
) -> None:
    assert {run.artifact_origins[42].namespace for run in (await rows_of(store))[:16] if 42 in run.artifacts} == {
        "team-a"
    }
    writer.associate(RUN_IN_TEAM_B, 117)
    rows = await rows_of(store)
    [origin] = [run.artifact_origins[42] for run in rows[:16] if 42 in run.artifacts]
    assert (origin.context_id, origin.namespace, origin.key) == (RUN_IN_TEAM_B, "team-b", "used")
    assert origin.maker is not None
    # What nothing else used waits for its run.
    assert 43 not in [row.id for row, _ in rows[16:]]


async def test_a_type_that_is_younger_than_the_survey_is_known(writer: SourceWriter, store: MlmdStore) -> None:
    writer.run(f"UPDATE Artifact SET type_id = {writer.type('later.Type')} WHERE id = 1")
    assert {run.artifacts[1].type for run in (await rows_of(store))[:16] if 1 in run.artifacts} == {"later.Type"}


async def test_a_run_that_has_got_the_name_of_another_one_gets_an_id_of_its_own(
    writer: SourceWriter, store: MlmdStore
) -> None:
    [name] = writer.run("SELECT name FROM Context WHERE id = 2")
    writer.run(f"UPDATE Context SET name = '{name[0]}' WHERE id = 3")
    contexts = [run.context for run in (await rows_of(store))[:16]]
    assert [context.id for context in contexts if context.repeats] == [3]
