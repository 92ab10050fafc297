"""What a page about one run shows: each read is bounded, whatever the run holds."""

from typing import Any

import pytest

from storage.documents.tasks import beginning_of_attributes
from storage.errors import RowNotFound
from storage.ids import new_id
from storage.model import Artifact, ArtifactType, IOType, Run, Task, TaskState, TaskType
from storage.run_report import EarlierRun, IterationState, RunFacts, TaskMark, TaskRow, TaskStateCount
from storage.sql.run_report import DESCRIPTION_CHARACTERS, STATUS_CHARACTERS
from storage.sql.store import SqlStore
from tests.contract.builders import (
    MOMENT,
    a_link,
    a_pipeline,
    a_run,
    a_task,
    a_version,
    an_artifact,
    an_experiment,
    keep,
)

START = (-(2**62), "")
ALL = 1_000
MANY = 70
"""More than one statement has branches for."""


async def facts_of(store: SqlStore, run: Run, *, characters: int = ALL) -> RunFacts:
    return await store.read(lambda tx: tx.run_report.facts(run.id, characters=characters))


def index(number: int, count: int | None = None) -> str:
    """The stored attributes of a task in an iteration, which may be a loop itself."""
    return f'{{"iterationIndex":"{number}"' + ("}" if count is None else f',"iterationCount":"{count}"}}')


async def test_facts_of_a_run_come_with_the_names_of_its_experiment_pipeline_and_version(store: SqlStore) -> None:
    experiment, pipeline = an_experiment(name="nightly"), a_pipeline(name="churn", display_name="Churn")
    version = a_version(pipeline.id, name="v7")
    ids = {"experiment_id": experiment.id, "pipeline_id": pipeline.id, "pipeline_version_id": version.id}
    run, lonely = a_run(**ids, pipeline_spec="{}"), a_run()
    await keep(store, experiment, pipeline, version, run, lonely)
    facts = await facts_of(store, run)
    assert (facts.experiment, facts.pipeline, facts.version) == ("nightly", "Churn", "v7")
    assert (facts.id, facts.created_at, facts.finished_at, facts.updated_at) == (run.id, MOMENT, None, MOMENT)
    assert facts.pipeline_spec_id
    facts = await facts_of(store, lonely)
    assert (facts.experiment, facts.pipeline, facts.version, facts.pipeline_spec_id) == ("", "", "", None)


async def test_facts_of_an_unknown_run_raise_rownotfound(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await facts_of(store, a_run())


async def test_a_longer_runtime_configuration_is_left_out_of_facts_a_description_is_cut(store: SqlStore) -> None:
    run = a_run(runtime_config='{"é":1}', description="ü" * (DESCRIPTION_CHARACTERS + 1))
    await keep(store, run)
    facts = await facts_of(store, run, characters=7)
    assert (facts.runtime_config, facts.description) == ('{"é":1}', "ü" * DESCRIPTION_CHARACTERS)
    assert (await facts_of(store, run, characters=6)).runtime_config is None


async def test_the_specification_of_a_run_is_read_alone_unless_it_is_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    run, other = a_run(pipeline_spec='{"é":1}'), a_run()
    await keep(store, run, other)

    async def spec(run: Run, characters: int) -> str | None:
        return await store.read(lambda tx: tx.run_report.spec(run.id, characters=characters))

    assert [await spec(run, 7), await spec(run, 6), await spec(other, 7), await spec(a_run(), 7)] == [
        '{"é":1}',
        None,
        None,
        None,
    ]


async def test_so_many_tasks_of_a_run_are_counted_by_state_with_their_last_change(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    failed = [a_task(run.id, state=4, updated_at=MOMENT + each) for each in (1, 5, 3)]
    await keep(store, run, other, *failed, a_task(run.id, state=2), a_task(other.id, state=1))
    counts = await store.read(lambda tx: tx.run_report.task_states(run.id, among=ALL))
    assert counts == [TaskStateCount(2, 1, MOMENT), TaskStateCount(4, 3, MOMENT + 5)]
    counts = await store.read(lambda tx: tx.run_report.task_states(run.id, among=3))
    assert sum(each.count for each in counts) == 3
    assert await store.read(lambda tx: tx.run_report.task_states(new_id(), among=3)) == []


async def test_a_branch_begins_at_the_top_of_a_run_and_ends_with_its_task(store: SqlStore) -> None:
    run = a_run()
    top = a_task(run.id, name="ROOT", type=TaskType.ROOT.value)
    loop = a_task(run.id, name="each", parent_task_id=top.id, type=TaskType.LOOP.value, created_at=MOMENT - 9)
    times = {"started_at": MOMENT + 1, "finished_at": MOMENT + 2}
    task = a_task(
        run.id,
        name="train",
        display_name="Train",
        parent_task_id=loop.id,
        state=TaskState.FAILED.value,
        type_attributes=index(3),
        status_metadata='{"message":"no"}',
        state_history="[1]",
        **times,
    )
    await keep(store, run, top, loop, task, a_task(run.id, parent_task_id=loop.id))
    found = await store.read(lambda tx: tx.run_report.branch(task.id))
    assert [row.id for row in found] == [top.id, loop.id, task.id]
    assert found[-1] == TaskRow(
        task.id, loop.id, "train", "Train", 0, 4, index(3), MOMENT, MOMENT + 1, MOMENT + 2, "[1]", '{"message":"no"}'
    )
    assert (found[1].is_loop, found[0].is_loop, found[2].is_failed, found[0].is_failed) == (True, False, True, False)


async def test_a_branch_of_parents_that_form_a_cycle_comes_to_an_end(store: SqlStore) -> None:
    run = a_run()
    ids = [new_id(), new_id()]
    tasks = [a_task(run.id, id=id, parent_task_id=parent) for id, parent in zip(ids, reversed(ids), strict=True)]
    await keep(store, run, *tasks)
    found = await store.read(lambda tx: tx.run_report.branch(ids[0]))
    assert [row.id for row in found] == [ids[1], ids[0]]
    assert await store.read(lambda tx: tx.run_report.branch(new_id())) == []


async def level(store: SqlStore, run: Run, parent: Task | None, **asked: Any) -> list[str]:
    wanted = {"beginning": None, "after": START, "limit": ALL} | asked
    parent_id = None if parent is None else parent.id
    return [row.id for row in await store.read(lambda tx: tx.run_report.level(run.id, parent_id, **wanted))]


async def test_rows_of_a_level_come_by_creation_time_then_id_after_a_row(store: SqlStore) -> None:
    run = a_run()
    parent = a_task(run.id)
    tasks = [a_task(run.id, parent_task_id=parent.id, created_at=MOMENT + each) for each in (2, 1, 1, 0)]
    await keep(store, run, parent, *tasks)
    ids = [task.id for task in (tasks[3], tasks[1], tasks[2], tasks[0])]
    assert await level(store, run, parent) == ids
    assert await level(store, run, parent, limit=2) == ids[:2]
    assert await level(store, run, parent, after=(MOMENT + 1, ids[1])) == ids[2:]


async def test_a_level_without_a_parent_has_the_tasks_that_have_none(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    tops = [a_task(run.id), a_task(run.id)]
    await keep(store, run, other, *tops, a_task(run.id, parent_task_id=tops[0].id), a_task(other.id))
    assert await level(store, run, None) == [task.id for task in tops]


async def test_a_level_can_be_of_tasks_whose_attributes_have_a_beginning(store: SqlStore) -> None:
    run = a_run()
    loop = a_task(run.id)
    texts = [index(1), index(10), index(1, count=5), None]
    tasks = [a_task(run.id, parent_task_id=loop.id, type_attributes=text) for text in texts]
    await keep(store, run, loop, *tasks)
    assert await level(store, run, loop, beginning=beginning_of_attributes(1)) == [tasks[0].id, tasks[2].id]
    assert await level(store, run, loop, beginning=beginning_of_attributes(10)) == [tasks[1].id]
    assert await level(store, run, loop, beginning=beginning_of_attributes(0)) == []


async def test_only_rows_of_failed_tasks_have_a_status_which_is_cut(store: SqlStore) -> None:
    run = a_run()
    long = "ü" * (STATUS_CHARACTERS + 1)
    states = (TaskState.FAILED, TaskState.SUCCEEDED)
    await keep(store, run, *(a_task(run.id, state=state.value, status_metadata=long) for state in states))
    rows = await store.read(lambda tx: tx.run_report.level(run.id, None, beginning=None, after=START, limit=ALL))
    assert [row.status for row in rows] == [long[:STATUS_CHARACTERS], None]


async def test_rows_in_groups_come_by_creation_time_then_id_at_most_so_many_for_each_group(store: SqlStore) -> None:
    run = a_run()
    groups = [a_task(run.id) for _ in range(MANY)]
    children = [
        a_task(run.id, parent_task_id=group.id, created_at=MOMENT - each) for group in groups for each in range(3)
    ]
    await keep(store, run, *groups, *children)
    wanted = [group.id for group in groups]
    found = await store.read(lambda tx: tx.run_report.children(run.id, wanted, per_parent=2))
    kept = sorted((task.created_at, task.id) for task in children if task.created_at < MOMENT)
    assert [(row.created_at, row.id) for row in found] == kept
    assert await store.read(lambda tx: tx.run_report.children(new_id(), wanted, per_parent=2)) == []
    assert await store.read(lambda tx: tx.run_report.children(run.id, [], per_parent=2)) == []


async def test_iterations_of_loops_are_counted_by_state_among_the_first_tasks_of_each_loop(store: SqlStore) -> None:
    run = a_run()
    loops = [a_task(run.id) for _ in range(2)]
    of_first = [(0, 2), (0, 2), (0, 4), (1, 2)]
    tasks = [
        a_task(run.id, parent_task_id=loops[0].id, type_attributes=index(number), state=state, created_at=MOMENT + at)
        for at, (number, state) in enumerate(of_first)
    ]
    await keep(store, run, *loops, *tasks, a_task(run.id, parent_task_id=loops[1].id, state=1))
    ids = [loop.id for loop in loops]
    found = await store.read(lambda tx: tx.run_report.iterations(run.id, ids, among=3))
    assert sorted(found, key=lambda each: (ids.index(each.loop_id), each.state)) == [
        IterationState(loops[0].id, index(0), 2, 2),
        IterationState(loops[0].id, index(0), 4, 1),
        IterationState(loops[1].id, None, 1, 1),
    ]


async def test_marks_of_the_first_tasks_of_a_run_come_by_creation_time_then_id(store: SqlStore) -> None:
    run, other = a_run(), a_run()
    tasks = [a_task(run.id, name=f"{each}", created_at=MOMENT - each, type=2, state=1) for each in range(3)]
    await keep(store, run, other, *tasks, a_task(other.id, created_at=MOMENT - 9))
    found = await store.read(lambda tx: tx.run_report.marks(run.id, names=None, among=2))
    assert found == [TaskMark(task.id, None, task.name, 2, 1, None) for task in (tasks[2], tasks[1])]


async def test_marks_can_be_those_of_some_names_and_of_root(store: SqlStore) -> None:
    run = a_run()
    root = a_task(run.id, name="top", type=TaskType.ROOT.value)
    tasks = [a_task(run.id, name=name) for name in ("a", "b", "a", "c")]
    await keep(store, run, root, *tasks)
    found = await store.read(lambda tx: tx.run_report.marks(run.id, names=["a", "c", "d"], among=4))
    assert [mark.id for mark in found] == [root.id, tasks[0].id, tasks[2].id]


async def test_details_of_unknown_tasks_are_left_out(store: SqlStore) -> None:
    run = a_run()
    task = a_task(run.id, input_parameters="[1]", pods="[2]")
    await keep(store, run, task)
    found = await store.read(lambda tx: tx.run_report.details([task.id, new_id()], characters=3))
    assert list(found) == [task.id]
    assert (found[task.id].input_parameters, found[task.id].pods) == ("[1]", "[2]")
    assert await store.read(lambda tx: tx.run_report.details([], characters=3)) == {}


async def test_longer_inputs_are_an_empty_text_in_details(store: SqlStore) -> None:
    run = a_run()
    task = a_task(run.id, input_parameters="[ü]", pods="[2]")
    await keep(store, run, task)
    found = await store.read(lambda tx: tx.run_report.details([task.id], characters=2))
    assert (found[task.id].input_parameters, found[task.id].pods) == ("", "[2]")
    without = a_task(run.id)
    await keep(store, without)
    found = await store.read(lambda tx: tx.run_report.details([without.id], characters=2))
    assert found[without.id].input_parameters is None


async def test_artifacts_that_tasks_of_a_run_made_come_last_first_looked_for_among_its_newest_links(
    store: SqlStore,
) -> None:
    run, other = a_run(), a_run()
    task, stranger = a_task(run.id, name="train", display_name="Train", type=2), a_task(other.id, type=2)
    artifacts = [an_artifact(name=f"{each}") for each in range(3)]
    links = [a_link(task, artifact, key="model", iteration=4) for artifact in artifacts]
    used = a_link(task, artifacts[0], type=IOType.COMPONENT_INPUT.value)
    await keep(store, run, other, task, stranger, *artifacts, *links, used, a_link(stranger, artifacts[0]))
    found = await store.read(lambda tx: tx.run_report.made(run.id, among=3, limit=ALL))
    assert [each.artifact.id for each in found] == [artifacts[2].id, artifacts[1].id]
    assert (found[0].key, found[0].iteration, found[0].task_id) == ("model", 4, task.id)
    assert (found[0].task_name, found[0].task_display_name, found[0].artifact.name) == ("train", "Train", "2")
    found = await store.read(lambda tx: tx.run_report.made(run.id, among=ALL, limit=1))
    assert [each.artifact.id for each in found] == [artifacts[2].id]


async def test_metrics_and_what_groups_repeat_are_left_out_of_what_a_run_made(store: SqlStore) -> None:
    run = a_run()
    task, group = a_task(run.id, type=2), a_task(run.id, type=TaskType.DAG.value)
    metric, model = an_artifact(type=ArtifactType.Metric.value), an_artifact()
    await keep(store, run, task, group, metric, model, a_link(task, metric), a_link(group, model))
    assert await store.read(lambda tx: tx.run_report.made(run.id, among=ALL, limit=ALL)) == []


async def test_metadata_of_artifacts_comes_unless_it_is_empty_or_longer_than_so_many_characters(
    store: SqlStore,
) -> None:
    artifacts = [an_artifact(metadata=text) for text in ('{"é":1}', '{"é":12}', None)]
    await keep(store, *artifacts)
    ids = [artifact.id for artifact in artifacts]
    found = await store.read(lambda tx: tx.run_report.metadata(ids, characters=7))
    assert found == {ids[0]: '{"é":1}'}
    assert await store.read(lambda tx: tx.run_report.metadata([], characters=7)) == {}


async def metadata_with(store: SqlStore, artifacts: list[Artifact], part: str, **limits: int) -> list[str]:
    ids = [artifact.id for artifact in artifacts]
    chosen = {"characters": 100, "limit": ALL} | limits
    found = await store.read(lambda tx: tx.run_report.metadata_with(ids, part, **chosen))
    assert all(found[artifact.id] == artifact.metadata for artifact in artifacts if artifact.id in found)
    return list(found)


async def test_metadata_that_contain_a_text_come_by_the_names_of_artifacts_then_id_at_most_so_many_of_them(
    store: SqlStore,
) -> None:
    texts = {"c": '{"a%b":1}', "B": '{"a%b":2}', "a": '{"A%B":3}', "d": '{"axb":4}', "e": None}
    artifacts = [an_artifact(name=name, metadata=text) for name, text in texts.items()]
    artifacts += [an_artifact(name="B", metadata='{"a%b":5}'), an_artifact(name="A", metadata='{"a%b":6}')]
    await keep(store, *artifacts)
    c, b, *_, later_b, unasked = artifacts
    expected = [b.id, later_b.id, c.id]
    assert await metadata_with(store, artifacts[:-1], '"a%b"') == expected
    assert await metadata_with(store, artifacts, '"a%b"') == [unasked.id, *expected]
    assert await metadata_with(store, artifacts[:-1], '"a%b"', limit=2) == expected[:2]
    assert await metadata_with(store, [], '"a%b"') == []


async def test_metadata_that_contain_it_but_are_longer_than_so_many_characters_are_left_out(store: SqlStore) -> None:
    artifacts = [an_artifact(metadata=text) for text in ('{"é":1}', '{"é":12}')]
    await keep(store, *artifacts)
    assert await metadata_with(store, artifacts, "é", characters=7) == [artifacts[0].id]


async def succeeded(store: SqlStore, run: Run, *, is_before: bool, among: int = ALL, limit: int = ALL) -> list[str]:
    facts = await facts_of(store, run)
    found = await store.read(lambda tx: tx.run_report.succeeded(facts, is_before=is_before, among=among, limit=limit))
    assert all(isinstance(each, EarlierRun) and each.display_name == "run" for each in found)
    return [each.id for each in found]


async def test_successful_runs_of_the_same_pipeline_come_nearest_first_before_or_after_a_run_from_its_namespace(
    store: SqlStore,
) -> None:
    of = {"pipeline_id": "churn", "namespace": "team", "state": "SUCCEEDED"}
    runs = [a_run(**of, created_at=MOMENT + each) for each in range(5)]
    others = [
        a_run(**of | {"state": "FAILED"}, created_at=MOMENT + 1),
        a_run(**of | {"namespace": "other"}, created_at=MOMENT + 1),
        a_run(**of | {"pipeline_id": "other"}, created_at=MOMENT + 1),
    ]
    await keep(store, *runs, *others)
    assert await succeeded(store, runs[2], is_before=True) == [runs[1].id, runs[0].id]
    assert await succeeded(store, runs[2], is_before=False) == [runs[3].id, runs[4].id]
    assert await succeeded(store, runs[2], is_before=False, limit=1) == [runs[3].id]
    assert await succeeded(store, runs[4], is_before=True, among=1) == [runs[3].id]


async def test_without_a_pipeline_successful_runs_are_those_of_the_same_experiment_without_one(
    store: SqlStore,
) -> None:
    of = {"experiment_id": "nightly", "state": "SUCCEEDED"}
    runs = [a_run(**of, created_at=MOMENT + each) for each in range(2)]
    others = [a_run(**of, pipeline_id="churn"), a_run(**of | {"experiment_id": "other"})]
    await keep(store, *runs, *others)
    assert await succeeded(store, runs[1], is_before=True) == [runs[0].id]
