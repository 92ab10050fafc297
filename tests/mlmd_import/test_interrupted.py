"""Imports that were interrupted: the first one goes on, later ones begin again, and each says so."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.mlmd_store import (
    ARTIFACTS_PER_RUN,
    CONTAINERS,
    EXECUTIONS_PER_RUN,
    INPUT,
    OUTPUTS,
    make_store,
)
from migrations.mlmd import importer
from migrations.mlmd.dry_run import dry_run
from migrations.mlmd.importer import FROM_THE_BEGINNING, LOOKING, READ_TWICE, SECOND_PASS, run_import
from migrations.mlmd.read import store
from migrations.mlmd.verify import verify
from migrations.mlmd.vocabulary.errors import ImportRefused, SourceRefused
from migrations.mlmd.write.row_kinds import Kind
from tests.databases.queries import execute
from tests.mlmd_import.imports import (
    Acting,
    Watching,
    asked_for_file,
    change,
    contents,
    everything,
    imported,
    main_request,
)

pytestmark = pytest.mark.one_database

EXECUTIONS = 660
EXECUTIONS_PER_BATCH = 400
RUNS = EXECUTIONS // EXECUTIONS_PER_RUN
EVENTS_PER_RUN = ARTIFACTS_PER_RUN + CONTAINERS * OUTPUTS
# The last event of a run is an input, on which no other link depends.
IN_THE_FIRST_RUN = f"DELETE FROM Event WHERE id = {EVENTS_PER_RUN}"
IN_THE_LAST_RUN = f"DELETE FROM Event WHERE id = {RUNS * EVENTS_PER_RUN}"
INPUTS_OF_THE_LAST_RUNS = f"DELETE FROM Event WHERE type = {INPUT} AND id > {(RUNS - 3) * EVENTS_PER_RUN}"
NEW_IN_THE_FIRST_RUN = (
    "INSERT INTO ExecutionProperty (execution_id, name, is_custom_property, string_value) VALUES (2, 'note', 1, 'new')"
)


class Interruption(Exception):
    """Ends an import as a failure of its own would."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store whose import takes some batches."""
    path = tmp_path_factory.mktemp("large") / "mlmd.sqlite"
    make_store(path, EXECUTIONS)
    return path


@pytest.fixture
def source(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to be changed, which is imported in two batches."""
    monkeypatch.setattr(importer, "executions_per_batch", lambda _: EXECUTIONS_PER_BATCH)
    return Path(shutil.copy(large, tmp_path / "mlmd.sqlite"))


def interrupt(phase: str) -> None:
    """Interrupts an import after its first batch of runs."""
    if phase == "executions":
        raise Interruption


async def test_a_first_import_that_was_interrupted_goes_on_where_it_stopped_and_then_reads_everything_again(
    migrated_url: str, make_migrated: Callable[[], str], source: Path
) -> None:
    request, first, second = asked_for_file(source, migrated_url), Acting(interrupt), Watching()
    with pytest.raises(Interruption):
        await run_import(request, first)
    change(source, NEW_IN_THE_FIRST_RUN)
    assert (await dry_run(request, Watching())).refusals == []
    report = await run_import(request, second)
    assert (report.resumed, report.records[Kind.RUN]["imported"]) == (True, RUNS)
    assert first.all_done("executions")[0] < second.all_done("executions")[0]
    # What changed in the part before the interruption came with the second pass.
    assert second.all_done(f"{SECOND_PASS}executions")[-1] == EXECUTIONS
    assert report.records[Kind.TASK]["updated"] == 1
    assert READ_TWICE in list(report.lines())
    assert (report.plain()["remarks"], report.plain()["read_twice"]) == ([READ_TWICE], True)
    assert (await verify(request, Watching())).difference_count == 0
    undisturbed = make_migrated()
    await imported(asked_for_file(source, undisturbed))
    assert contents(migrated_url) == contents(undisturbed)
    report = await imported(request)
    assert (report.resumed, report.plain()["read_twice"], report.remarks) == (False, False, [])
    assert report.records[Kind.TASK]["updated"] == 0


async def test_an_interrupted_second_pass_begins_again(migrated_url: str, source: Path) -> None:
    request, last = asked_for_file(source, migrated_url), Watching()
    with pytest.raises(Interruption):
        await run_import(request, Acting(interrupt))
    change(source, NEW_IN_THE_FIRST_RUN)

    def interrupt_later(phase: str) -> None:
        if phase == f"{SECOND_PASS}executions":
            raise Interruption

    with pytest.raises(Interruption):
        await run_import(request, Acting(interrupt_later))
    with pytest.raises(SourceRefused, match="the import was interrupted"):
        await verify(request, Watching())
    change(source, "DELETE FROM ExecutionProperty WHERE execution_id = 2 AND name = 'note'", NEW_IN_THE_FIRST_RUN)
    report = await run_import(request, last)
    # Everything was read from its beginning, so there was no need for a second pass.
    assert (report.remarks, last.all_done(f"{SECOND_PASS}executions")) == ([FROM_THE_BEGINNING], [])
    figures = report.records[Kind.RUN]
    assert (figures["created"], figures["imported"], figures["unchanged"]) == (RUNS, RUNS, 0)
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_first_import_that_had_not_written_a_run_needs_no_second_pass(
    migrated_url: str, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, second = asked_for_file(source, migrated_url), Watching()

    async def fail(*_: object) -> None:
        raise Interruption

    with monkeypatch.context() as patch:
        patch.setattr(importer, "write_runs", fail)
        with pytest.raises(Interruption):
            await imported(request)
    report = await run_import(request, second)
    assert (report.resumed, report.remarks) == (True, [FROM_THE_BEGINNING])
    assert second.all_done(f"{SECOND_PASS}executions") == []
    assert (await verify(request, Watching())).difference_count == 0


async def test_the_second_pass_lists_everything_that_was_skipped_once(
    migrated_url: str, make_migrated: Callable[[], str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importer, "executions_per_batch", lambda _: 20)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    report = await imported(main_request(make_migrated(), skipped=str(whole)))
    with pytest.raises(Interruption):
        await run_import(main_request(migrated_url), Acting(interrupt))
    again = await imported(main_request(migrated_url, skipped=str(resumed)))
    assert again.plain()["findings"] == report.plain()["findings"]
    assert sorted(resumed.read_text().splitlines()) == sorted(whole.read_text().splitlines())


async def test_the_second_pass_of_an_import_that_prunes_is_limited_too(migrated_url: str, source: Path) -> None:
    request = asked_for_file(source, migrated_url, prune=True)
    with pytest.raises(Interruption):
        await run_import(request, Acting(interrupt))
    change(source, f"DELETE FROM Event WHERE type = {INPUT} AND id < {6 * EVENTS_PER_RUN}")
    with pytest.raises(ImportRefused, match=r"would remove .* artifact_tasks.*; nothing more was written"):
        await imported(request)
    report = await imported(replace(request, yes=True))
    assert report.records[Kind.LINK]["removed"] > EVENTS_PER_RUN
    assert (await verify(request, Watching())).difference_count == 0


async def test_a_true_up_that_was_interrupted_begins_again_and_counts_everything(
    migrated_url: str, source: Path
) -> None:
    request, first, second = asked_for_file(source, migrated_url), Acting(interrupt), Watching()
    await imported(request)
    change(source, NEW_IN_THE_FIRST_RUN, IN_THE_LAST_RUN)
    with pytest.raises(Interruption):
        await run_import(request, first)
    report = await run_import(request, second)
    assert first.all_done("executions") == second.all_done("executions")[:1]
    assert first.all_done(f"{LOOKING}executions") == []
    assert (report.resumed, FROM_THE_BEGINNING in list(report.lines())) == (True, True)
    assert (report.records[Kind.TASK]["updated"], report.records[Kind.LINK]["gone"]) == (1, 1)
    assert (await verify(request, Watching())).difference_count == 0


async def test_what_was_committed_before_a_refused_batch_stays(migrated_url: str, source: Path) -> None:
    request = asked_for_file(source, migrated_url, prune=True)
    await imported(request)
    change(source, NEW_IN_THE_FIRST_RUN)

    def lose_links(phase: str) -> None:
        if phase == f"{LOOKING}artifacts without a run":
            change(source, INPUTS_OF_THE_LAST_RUNS)

    with pytest.raises(ImportRefused, match=r"the next batch would remove .* artifact_tasks, .* before is kept"):
        await run_import(request, Acting(lose_links))
    assert execute(migrated_url, "SELECT count(*) FROM tasks WHERE status_metadata LIKE '%note%'") == [(1,)]
    before = everything(migrated_url)
    with pytest.raises(ImportRefused, match=r"would remove .* artifact_tasks.*; nothing more was written; what was"):
        await imported(request)
    assert everything(migrated_url) == before
    report = await imported(replace(request, yes=True))
    assert (report.resumed, report.records[Kind.LINK]["removed"] >= EVENTS_PER_RUN) == (True, True)
    assert (await verify(request, Watching())).difference_count == 0


@pytest.mark.parametrize("phase", ["executions", "artifacts without a run"])
async def test_an_interrupted_import_goes_on_after_its_last_checkpoint(
    migrated_url: str, make_migrated: Callable[[], str], monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    monkeypatch.setattr(importer, "executions_per_batch", lambda _: 20)
    monkeypatch.setattr(store, "ARTIFACTS_PER_BATCH", 10)
    whole, first, second = Watching(), Acting(lambda now: interrupt_at_the_second(now)), Watching()

    def interrupt_at_the_second(now: str) -> None:
        if now == phase and len(first.all_done(phase)) == 2:
            raise Interruption

    undisturbed = make_migrated()
    await run_import(main_request(undisturbed), whole)
    with pytest.raises(Interruption):
        await run_import(main_request(migrated_url), first)
    report = await run_import(main_request(migrated_url), second)
    assert report.resumed
    assert len(whole.all_done(phase)) > 3
    for each in ("executions", "artifacts without a run"):
        assert first.all_done(each) + second.all_done(each) == whole.all_done(each)
    assert contents(migrated_url) == contents(undisturbed)


async def test_an_import_that_was_interrupted_is_verified_once_it_has_ended(migrated_url: str) -> None:
    request = main_request(migrated_url)
    with pytest.raises(Interruption):
        await run_import(request, Acting(interrupt))
    with pytest.raises(SourceRefused, match="the import was interrupted; run it again to its end, then verify"):
        await verify(request, Watching())
    await imported(request)
    assert (await verify(request, Watching())).difference_count == 0
    await imported(request)
    with pytest.raises(Interruption):
        await run_import(request, Acting(interrupt))
    with pytest.raises(SourceRefused, match="the import was interrupted"):
        await verify(request, Watching())
