"""Which runs are imported when KFP's own database is at hand, and which are not."""

from dataclasses import replace

from migrations.mlmd.read.columns import Texts
from migrations.mlmd.read.run_filter import RunFilter
from migrations.mlmd.read.schema import Schema
from migrations.mlmd.vocabulary.rows import ContextRow, KfpRun, RunKind
from tests.mlmd.builders import a_context


def contexts() -> list[ContextRow]:
    """A run of each kind, with the ids 1 (KFP v2), 2 (KFP v1) and 3 (generic)."""
    return [replace(a_context(kind), id=id) for id, kind in enumerate(RunKind, start=1)]


def a_filter(*missing: int) -> RunFilter:
    """A filter of a store in which runs of some contexts are missing from KFP's own database."""
    return RunFilter(Schema(10, {}), Texts(repair=False), [], missing_contexts=set(missing))


def test_without_kfps_database_all_runs_are_imported() -> None:
    assert a_filter(1).split(contexts(), None) == (contexts(), [])


def test_only_a_run_of_kfp_v2_needs_to_be_in_kfps_database() -> None:
    imports, missing = a_filter().split(contexts(), {})
    assert ([row.id for row in imports], [row.id for row in missing]) == ([2, 3], [1])


def test_a_run_that_was_missing_when_the_store_was_opened_stays_missing() -> None:
    """A run that appears in KFP's database during an import would be imported without the artifacts counted as its own."""
    _, missing = a_filter(1).split(contexts(), {1: KfpRun("a")})
    assert [row.id for row in missing] == [1]


async def test_of_several_runs_with_one_name_all_but_the_first_repeat_it() -> None:
    run_filter = replace(a_filter(), first_contexts={contexts()[0].name: 2})
    marks = await run_filter.mark_repeats(None, contexts(), {})  # type: ignore[arg-type]
    assert [row.repeats for row in marks] == [True, False, True]
