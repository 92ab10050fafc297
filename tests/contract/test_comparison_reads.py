"""What runs are compared by: many runs at a time, and how much there is of each."""

from storage.comparison import ComparedLink, RootTask, TaskPlace
from storage.ids import new_id
from storage.lineage import ArtifactNode, LineageLink
from storage.model import ArtifactType, IOType, TaskType
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_run, a_task, an_artifact, keep

MANY = 70
"""More than one statement has branches for."""
USED = IOType.COMPONENT_INPUT.value


async def test_what_runs_were_started_with_is_so_many_characters_long_0_if_it_is_nothing(store: SqlStore) -> None:
    run, empty = a_run(runtime_config='{"é":1}'), a_run()
    await keep(store, run, empty)
    ids = [run.id, empty.id, new_id()]
    assert await store.read(lambda tx: tx.comparison.settings_sizes(ids)) == {run.id: 7, empty.id: 0}
    assert await store.read(lambda tx: tx.comparison.settings_sizes([])) == {}


async def test_runs_come_with_what_they_were_started_with(store: SqlStore) -> None:
    run, empty, other = a_run(runtime_config='{"é":1}'), a_run(), a_run(runtime_config="{}")
    await keep(store, run, empty, other)
    found = await store.read(lambda tx: tx.comparison.settings([run.id, empty.id]))
    assert found == {run.id: '{"é":1}', empty.id: None}


async def test_root_tasks_of_runs_are_among_their_first_tasks_without_a_parent(store: SqlStore) -> None:
    runs = [a_run() for _ in range(MANY)]
    roots = [a_task(run.id, type=TaskType.ROOT.value, input_parameters="[ä]") for run in runs[1:]]
    child = a_task(runs[1].id, type=TaskType.ROOT.value, parent_task_id=roots[0].id)
    before = [a_task(runs[2].id, created_at=MOMENT - 1) for _ in range(5)]
    await keep(store, *runs, *before, *roots, child)
    found = await store.read(lambda tx: tx.comparison.root_tasks([run.id for run in runs]))
    assert sorted(found, key=lambda root: root.id) == [RootTask(root.run_id, root.id, 3) for root in roots]


async def test_tasks_come_with_their_input_parameters(store: SqlStore) -> None:
    run = a_run()
    tasks = [a_task(run.id, input_parameters="[1]"), a_task(run.id), a_task(run.id)]
    await keep(store, run, *tasks)
    found = await store.read(lambda tx: tx.comparison.inputs_of_tasks([tasks[0].id, tasks[1].id, new_id()]))
    assert found == {tasks[0].id: "[1]", tasks[1].id: None}


async def test_links_are_counted_for_many_runs_at_once_so_many_of_each_at_most(store: SqlStore) -> None:
    runs = [a_run() for _ in range(MANY)]
    tasks = [a_task(run.id) for run in runs]
    artifact = an_artifact()
    links = [a_link(task, artifact, key=f"{n}") for number, task in enumerate(tasks) for n in range(min(number, 4))]
    await keep(store, *runs, *tasks, artifact, *links)
    found = await store.read(lambda tx: tx.comparison.count_links([run.id for run in runs], limit=3))
    assert found == {run.id: min(number, 3) for number, run in enumerate(runs) if number}


async def test_links_of_runs_come_by_id_with_their_tasks_and_artifacts(store: SqlStore) -> None:
    runs = [a_run() for _ in range(MANY)]
    tasks = [a_task(run.id, name="train", type=TaskType.RUNTIME.value, state=2) for run in runs]
    artifacts = [an_artifact(name="model", number_value=0.5) for _ in runs]
    links = [a_link(task, artifact, iteration=3) for task, artifact in zip(tasks, artifacts, strict=True)]
    used = a_link(tasks[0], artifacts[1], type=USED)
    await keep(store, *runs, *tasks, *artifacts, *reversed(links), used)
    wanted = [run.id for run in runs[1:]]
    found = await store.read(lambda tx: tx.comparison.links([*wanted, runs[0].id], only_metrics=False))
    assert [each.link.id for each in found] == [link.id for link in (*links, used)]
    link = links[0]
    assert found[0] == ComparedLink(
        LineageLink(link.id, artifacts[0].id, tasks[0].id, runs[0].id, IOType.OUTPUT.value, "out", 3, 2, 2),
        "train",
        ArtifactNode(artifacts[0].id, "model", 1, None, "", "", MOMENT, 0.5),
    )
    assert len(await store.read(lambda tx: tx.comparison.links(wanted, only_metrics=False))) == MANY - 1


async def test_links_to_metrics_that_tasks_made_can_be_read_alone(store: SqlStore) -> None:
    run = a_run()
    task = a_task(run.id)
    metric, other = an_artifact(type=ArtifactType.Metric.value, number_value=1.0), an_artifact()
    taken = an_artifact(type=ArtifactType.Metric.value)
    made = a_link(task, metric)
    await keep(
        store, run, task, metric, other, taken, a_link(task, other, key="o"), made, a_link(task, taken, type=USED)
    )
    [found] = await store.read(lambda tx: tx.comparison.links([run.id], only_metrics=True))
    assert (found.link.id, found.artifact.id) == (made.id, metric.id)


async def test_tasks_come_with_their_parents_and_iterations(store: SqlStore) -> None:
    run = a_run()
    parent = a_task(run.id)
    child = a_task(run.id, parent_task_id=parent.id, type_attributes='{"iterationIndex":"2"}')
    await keep(store, run, parent, child)
    found = await store.read(lambda tx: tx.comparison.places([child.id, new_id(), parent.id]))
    assert sorted(found, key=lambda place: place.id) == [
        TaskPlace(parent.id, None, None),
        TaskPlace(child.id, parent.id, '{"iterationIndex":"2"}'),
    ]
