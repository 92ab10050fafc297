"""Whatever a store is like: its import verifies, a true-up writes nothing and loses nothing, and an undo leaves nothing."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from migrations.mlmd import dry_run, importer
from migrations.mlmd.importer import run_import
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import undo
from migrations.mlmd.verify import verify
from migrations.mlmd.write.row_kinds import Kind
from tests.databases.queries import execute
from tests.mlmd_import.generated_stores import generate_store
from tests.mlmd_import.imports import Acting, Watching, asked_for_file, contents, everything, imported
from tests.mlmd_import.test_only_adds import trued_up
from tests.mlmd_import.test_random_losses import lose_rows

SHORT = {"sqlite": 6, "postgresql": 2, "mysql": 2}
LONG = 300
EXECUTIONS_PER_BATCH = 10

LINEALS_OWN = (
    "INSERT INTO runs (id, experiment_id, namespace, display_name, description, state, state_history, created_at, scheduled_at, "
    "updated_at) VALUES ('mine', 'mine', 'team-a', 'run 1', '', 'RUNNING', '', 1, 1, 1)",
    "INSERT INTO tasks (id, run_id, namespace, name, type, state, scope_path, created_at, updated_at) "
    "VALUES ('mine', 'mine', 'team-a', 'task-0', 2, 2, '', 1, 1)",
    "INSERT INTO artifacts (id, namespace, type, name, description, created_at, updated_at) "
    "VALUES ('mine', 'team-a', 3, 'model', '', 1, 1)",
)


class Interruption(Exception):
    """Ends an import as a failure of its own would."""


async def import_of(request: ImportRequest, chance: random.Random) -> None:
    """Import a store; some imports are interrupted, and go on."""
    place = chance.choice([None, None, 1, 2, 3])
    batches: list[str] = []

    def interrupt(phase: str) -> None:
        batches.append(phase)
        if len(batches) == place:
            raise Interruption

    try:
        await run_import(request, Acting(interrupt))
    except Interruption:
        await imported(request)


async def assert_verifies(request: ImportRequest) -> None:
    """Verifying finds no difference."""
    report = await verify(request, Watching())
    assert (report.difference_count, report.differences) == (0, [])


async def assert_holds(file: Path, url: str, before: object, chance: random.Random, options: Sequence[str]) -> None:
    """Import a store, lose rows of it, and undo: the properties of this file hold at each step."""
    request = asked_for_file(file, url, run_context_types=tuple(options))
    await import_of(request, chance)
    await assert_verifies(request)
    once = contents(url)
    again = await imported(request)
    assert contents(url) == once
    assert {again.records[kind][name] for kind in Kind for name in ("created", "updated", "gone", "kept_values")} == {0}
    for _ in range(2):
        lose_rows(file, chance)
        await trued_up(request)
        await assert_verifies(request)
    await undo(request, lambda *_: None)
    assert everything(url) == before


async def test_a_store_of_any_shape_is_imported_kept_and_undone(
    migrated_url: str,
    database_kind: str,
    tmp_path: Path,
    rounds: Callable[[int, int], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in (importer, dry_run):
        monkeypatch.setattr(module, "executions_per_batch", lambda _: EXECUTIONS_PER_BATCH)
    generate_store(tmp_path / "first", random.Random(0))
    # What the first import makes besides: the default experiment.
    await imported(asked_for_file(tmp_path / "first", migrated_url))
    await undo(asked_for_file(tmp_path / "first", migrated_url), lambda *_: None)
    for statement in LINEALS_OWN:
        execute(migrated_url, statement)
    before = everything(migrated_url)
    for seed in range(rounds(SHORT[database_kind], LONG)):
        chance = random.Random(f"{database_kind} {seed}")
        file = tmp_path / f"{seed}.sqlite"
        generate_store(file, chance)
        options = chance.choice([[], [], ["node"], ["pipeline", "experiment"]])
        try:
            await assert_holds(file, migrated_url, before, chance, options)
        except BaseException as error:
            error.add_note(f"with the store of seed {seed}")
            raise
        file.unlink()
