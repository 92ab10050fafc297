"""Whatever a program writes to an MLMD store while it is imported, the import ends, and later ones make up for what it missed."""

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from migrations.mlmd.importer import run_import
from migrations.mlmd.source import ImportRequest
from tests.mlmd.builders import CANCELED, COMPLETE, CONTAINER, FAILED, OUTPUT, RUNNING
from tests.mlmd_import.beside import Act, Beside, assert_like_a_fresh_import, make_source
from tests.mlmd_import.imports import Acting
from tests.mlmd_import.source_writer import METRICS, REFUSALS, RUN, SourceWriter


class Interruption(Exception):
    """Ends an import as a failure of its own would."""


def any_run(writer: SourceWriter, n: int) -> int:
    """A run, each time another one: the batches before and after the moment are met alike."""
    runs = writer.runs()
    return runs[n * 7 % len(runs)]


def new_task_with_output(writer: SourceWriter, n: int) -> None:
    task = writer.task(any_run(writer, n), f"later-{n}", inputs="")
    writer.event(task, writer.artifact(display_name=f"made-{n}", rows=n))


def new_task_that_reuses(writer: SourceWriter, n: int) -> None:
    maker = writer.task(any_run(writer, n), f"maker-{n}")
    artifact = writer.artifact(METRICS, loss=n / 4, accuracy=0.5)
    writer.event(maker, artifact)
    writer.use(writer.task(any_run(writer, n + 3), f"user-{n}"), artifact)
    writer.use(writer.task(any_run(writer, n), f"other-{n}"), 1 + n % 40)


def output_of_an_old_task(writer: SourceWriter, n: int) -> None:
    writer.event(writer.root(any_run(writer, n)) + 1, writer.artifact(), key=f"late-{n}")
    writer.event(writer.root(any_run(writer, n + 1)) + 1, 1 + n % 40, OUTPUT, f"again-{n}")


def new_run(writer: SourceWriter, n: int) -> None:
    context = writer.run_context(f"later-run-{n}", namespace="team-b")
    writer.root_of(context, f"later-run-{n}")
    task = writer.task(context, "train")
    artifact = writer.artifact(display_name="model")
    writer.event(task, artifact)
    writer.use(task, 1 + n % 40)
    writer.use(writer.task(any_run(writer, n), f"reader-{n}"), artifact)


def run_begun_step_by_step(writer: SourceWriter, n: int) -> None:
    """One step of KFP's driver at a time: the context of a run, its pipeline, its root, its first task."""
    name, step = f"slow-{n // 4}", n % 4
    if step == 0:
        writer.context(RUN, name, namespace="team-a", resource_name="run-resource")
        return
    context = writer.ids(f"SELECT id FROM Context WHERE name = '{name}'")[0]
    if step == 1:
        writer.insert("ParentContext", context_id=context, parent_context_id=1)
    elif step == 2:
        writer.root_of(context, name)
    else:
        writer.event(writer.task(context, "first"), writer.artifact())


def task_put_step_by_step(writer: SourceWriter, n: int) -> None:
    """An execution that comes into its run, and to its output, later."""
    name, run = f"floating-{n // 2}", writer.runs()[n // 2 % 10]
    if n % 2 == 0:
        writer.execution(task_name=name, display_name=name, parent_dag_id=writer.root(run))
        return
    execution = writer.ids(f"SELECT execution_id FROM ExecutionProperty WHERE string_value = '{name}'")[0]
    writer.associate(run, execution)
    writer.event(execution, writer.artifact())


def new_types(writer: SourceWriter, n: int) -> None:
    task = writer.execution(
        any_run(writer, n), type=f"later.Kind{n}", task_name="odd", parent_dag_id=writer.root(any_run(writer, n))
    )
    writer.event(task, writer.artifact(f"later.Thing{n}"))
    writer.execution(writer.context(f"later.Context{n}", "x"))


def artifact_without_run(writer: SourceWriter, n: int) -> None:
    artifact = writer.artifact(display_name=f"alone-{n}")
    if n % 2:
        writer.attribute(any_run(writer, n), artifact)


def state_changed(writer: SourceWriter, n: int) -> None:
    state = (RUNNING, COMPLETE, FAILED, CANCELED)[n % 4]
    writer.run(f"UPDATE Execution SET last_known_state = {state} WHERE id % 5 = {n % 5}")
    writer.run(f"UPDATE Artifact SET state = {2 + n % 3} WHERE id % 5 = {n % 5}")


def properties_changed(writer: SourceWriter, n: int) -> None:
    writer.run(f"UPDATE ArtifactProperty SET double_value = {n} WHERE double_value IS NOT NULL AND artifact_id % 3 = 1")
    writer.properties("Artifact", 1 + n % 40, {f"zz-later-{n}": n})
    writer.properties("Execution", 2 + n, {f"later{n}": "x"})


ADDITIONS: tuple[Act, ...] = (
    new_task_with_output,
    new_task_that_reuses,
    output_of_an_old_task,
    new_run,
    run_begun_step_by_step,
    task_put_step_by_step,
    new_types,
    artifact_without_run,
    state_changed,
    properties_changed,
)
"""What MLMD's clients do; all of it is in later imports."""


def deleted(table: str, column: str = "id") -> Act:
    """Some rows of a table are deleted by hand, other ones each time, but not the oldest, by which a store is known."""

    def act(writer: SourceWriter, n: int) -> None:
        writer.run(f"DELETE FROM {table} WHERE {column} > 2 AND {column} % 11 = {n % 11}")

    act.__name__ = f"{table} deleted"
    return act


def renamed(table: str, column: str, value: str) -> Act:
    """A column of some rows is changed by hand."""

    def act(writer: SourceWriter, n: int) -> None:
        owner = {"EventPath": "event_id", "ArtifactProperty": "artifact_id"}.get(table, "id")
        for id in writer.ids(f"SELECT DISTINCT {owner} FROM {table} WHERE {owner} > 2 AND {owner} % 7 = {n % 7}"):
            writer.attempt(f"UPDATE {table} SET {column} = {value} WHERE {owner} = {id}")

    act.__name__ = f"{table}.{column} changed"
    return act


def run_deleted(writer: SourceWriter, n: int) -> None:
    run = any_run(writer, n + 1)
    executions = ", ".join(map(str, writer.ids(f"SELECT execution_id FROM Association WHERE context_id = {run}")))
    if run > 2 and executions:
        for table, column in (("Event", "execution_id"), ("Execution", "id"), ("Association", "execution_id")):
            writer.run(f"DELETE FROM {table} WHERE {column} IN ({executions})")
        writer.run(f"DELETE FROM Context WHERE id = {run}")


def runs_swapped(writer: SourceWriter, n: int) -> None:
    """Two runs exchange their names, so that the second has that of one that may have been imported."""
    first, second = (any_run(writer, n + place) for place in (1, 2))
    names = dict(writer.run(f"SELECT id, name FROM Context WHERE id IN ({first}, {second})"))
    for id, name in ((first, "between"), (second, names[first]), (first, names[second])) if len(names) == 2 else ():
        writer.attempt(f"UPDATE Context SET name = '{name}' WHERE id = {id}")


def executions_moved(writer: SourceWriter, n: int) -> None:
    run, runs = any_run(writer, n), f"SELECT id FROM Context WHERE type_id = {writer.type(RUN)}"
    tasks = f"SELECT id FROM Execution WHERE type_id = {writer.type(CONTAINER, 0)} AND id % 9 = {n % 9}"
    for id in writer.ids(f"SELECT id FROM Association WHERE execution_id IN ({tasks}) AND context_id IN ({runs})"):
        writer.attempt(f"UPDATE Association SET context_id = {run} WHERE id = {id}")


def executions_in_several_runs(writer: SourceWriter, n: int) -> None:
    for execution in range(6 + n, 116, 25):
        with suppress(*REFUSALS):
            writer.associate(any_run(writer, n), execution)


DAMAGE: tuple[Act, ...] = (
    *(deleted(table) for table in ("Execution", "Artifact", "Event", "Context", "Association", "Attribution", "Type")),
    *(deleted(table, column) for table, column in (("EventPath", "event_id"), ("ParentContext", "context_id"))),
    *(deleted(f"{owner}Property", f"{owner}_id") for owner in ("Execution", "Artifact", "Context")),
    renamed("Context", "name", "id"),
    renamed("Execution", "name", "id"),
    renamed("Artifact", "name", "id"),
    renamed("Type", "name", "'another'"),
    renamed("EventPath", "step_key", "'another'"),
    renamed("Execution", "type_id", "1 + (type_id + 1) % 25"),
    renamed("Artifact", "type_id", "1 + (type_id + 1) % 25"),
    renamed("Context", "type_id", "10 + (type_id + 1) % 3"),
    renamed("Event", "type", "7 - type"),
    renamed("Event", "artifact_id", "artifact_id + 1"),
    renamed("Event", "execution_id", "execution_id + 1"),
    renamed("ArtifactProperty", "name", "'a_first_one'"),
    run_deleted,
    runs_swapped,
    executions_moved,
    executions_in_several_runs,
)
"""What people do by hand; what is lost is kept, so later imports are not what a fresh one would be."""


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("act", ADDITIONS, ids=lambda act: act.__name__)
async def test_what_is_written_meanwhile_comes_with_later_imports(
    migrated_url: str, make_migrated: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    source = make_source("kfp_main", migrated_url, tmp_path)
    request = ImportRequest(source, migrated_url)
    await Beside(monkeypatch, source).imports(request, act)
    await assert_like_a_fresh_import(request, make_migrated())


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("act", DAMAGE, ids=lambda act: act.__name__)
async def test_what_is_damaged_meanwhile_ends_no_import(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Act
) -> None:
    source = make_source("kfp_main", migrated_url, tmp_path)
    await Beside(monkeypatch, source).imports(ImportRequest(source, migrated_url), act)


@pytest.mark.databases("sqlite", "mysql")
async def test_all_that_is_written_at_once_comes_with_later_imports(
    migrated_url: str,
    make_migrated: Callable[[], str],
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = make_source("kfp_main", database_url, tmp_path)
    request = ImportRequest(source, migrated_url)
    chance, steps = random.Random(1), Counter[Act]()

    def act(writer: SourceWriter, _: int) -> None:
        for one in chance.sample(ADDITIONS, 2):
            one(writer, steps[one])
            steps[one] += 1

    await Beside(monkeypatch, source).imports(request, act)
    await assert_like_a_fresh_import(request, make_migrated())


@pytest.mark.databases("sqlite")
async def test_an_import_goes_on_after_tasks_have_moved_to_later_runs(
    migrated_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_source("kfp_main", migrated_url, tmp_path)
    request, beside = ImportRequest(source, migrated_url), Beside(monkeypatch, source)

    def interrupt(phase: str) -> None:
        if len(watching.told) == 3:
            raise Interruption

    watching = Acting(interrupt)
    with pytest.raises(Interruption):
        await run_import(request, watching)
    last, writer = beside.writer.runs()[-1], beside.writer
    moved = f"SELECT id FROM Execution WHERE type_id = {writer.type(CONTAINER, 0)} AND id < 20"
    runs = f"SELECT id FROM Context WHERE type_id = {writer.type(RUN)}"
    writer.run(f"UPDATE Association SET context_id = {last} WHERE execution_id IN ({moved}) AND context_id IN ({runs})")
    await beside.imports(request, lambda *_: None)


async def test_everything_at_once_ends_no_import(
    migrated_url: str,
    make_migrated: Callable[[], str],
    make_source_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rounds: Callable[[int, int], int],
) -> None:
    for seed in range(rounds(1, 200)):
        chance, store = random.Random(seed), migrated_url if seed == 0 else make_migrated()

        def act(writer: SourceWriter, n: int, chance: random.Random = chance) -> None:
            with suppress(*REFUSALS):
                chance.choice(ADDITIONS + DAMAGE)(writer, n)

        source = make_source("kfp_main", make_source_database(), tmp_path)
        await Beside(monkeypatch, source).imports(ImportRequest(source, store), act, looks=True)
