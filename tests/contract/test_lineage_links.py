"""Links across runs, many artifacts or tasks at a time, and of each no more than is asked for."""

from storage.digests import text_digest
from storage.ids import new_id
from storage.lineage import Moment
from storage.model import Artifact, IOType, Task, TaskType
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_link, a_run, a_task, an_artifact, keep

USED = IOType.COMPONENT_INPUT.value
MANY = 70
"""More than one statement has branches for."""


async def a_graph(store: SqlStore, *, tasks: int, artifacts: int) -> tuple[list[Task], list[Artifact]]:
    """Tasks of one run and artifacts, without links."""
    run = a_run()
    made = [a_task(run.id, type=TaskType.RUNTIME.value, state=number) for number in range(tasks)]
    things = [an_artifact() for _ in range(artifacts)]
    await keep(store, run, *made, *things)
    return made, things


async def test_links_to_what_made_artifacts_come_by_task_at_most_so_many_for_each_artifact(store: SqlStore) -> None:
    tasks, artifacts = await a_graph(store, tasks=4, artifacts=MANY)
    hub = artifacts[0]
    await keep(
        store,
        *(a_link(task, hub) for task in reversed(tasks)),
        *(a_link(tasks[0], artifact) for artifact in artifacts[1:]),
        a_link(tasks[1], artifacts[1], type=USED),
    )
    ids = [artifact.id for artifact in artifacts]
    links = await store.read(lambda tx: tx.lineage.producers(ids, per_artifact=3))
    of_hub = [link for link in links if link.artifact_id == hub.id]
    found = [(link.task_id, link.task_type, link.task_state) for link in of_hub]
    assert len(found) == 3
    assert found == sorted(found)
    assert set(found) < {(task.id, task.type, task.state) for task in tasks}
    assert {link.artifact_id for link in links} == set(ids)
    assert len(links) == 3 + MANY - 1
    assert all(link.is_output for link in links)


async def test_links_to_what_used_artifacts_come_by_their_own_ids_at_most_so_many_for_each_artifact(
    store: SqlStore,
) -> None:
    tasks, [hub, other] = await a_graph(store, tasks=5, artifacts=2)
    links = [a_link(task, hub, type=USED) for task in reversed(tasks)]
    await keep(store, a_link(tasks[0], hub), *links, a_link(tasks[0], other, type=USED))
    found = await store.read(lambda tx: tx.lineage.consumers([hub.id, other.id], per_artifact=3))
    assert [link.id for link in found if link.artifact_id == hub.id] == [link.id for link in links[:3]]
    assert [link.task_id for link in found if link.artifact_id == other.id] == [tasks[0].id]
    assert not any(link.is_output for link in found)


async def links_of_tasks(store: SqlStore, *, is_output: bool) -> None:
    """A task has links of both directions under several keys; so many of one direction are found."""
    [task, other], artifacts = await a_graph(store, tasks=2, artifacts=4)
    wanted, unwanted = (IOType.OUTPUT.value, USED) if is_output else (USED, IOType.OUTPUT.value)
    await keep(
        store,
        *(a_link(task, artifact, type=wanted, key=key) for artifact, key in zip(artifacts, "cabd", strict=True)),
        a_link(task, artifacts[0], type=unwanted, key="0"),
        a_link(other, artifacts[0], type=wanted, key="z"),
    )
    ids = [task.id, other.id]
    if is_output:
        found = await store.read(lambda tx: tx.lineage.outputs(ids, per_task=3))
    else:
        found = await store.read(lambda tx: tx.lineage.inputs(ids, per_task=3))
    assert [link.key for link in found.links] == ["a", "b", "c", "z"]
    assert [link.task_state for link in found.links] == [0, 0, 0, 1]


async def test_links_to_what_tasks_used_come_by_type_and_key_at_most_so_many_for_each_task(store: SqlStore) -> None:
    await links_of_tasks(store, is_output=False)


async def test_links_to_what_tasks_made_come_by_type_and_key_at_most_so_many_for_each_task(store: SqlStore) -> None:
    await links_of_tasks(store, is_output=True)


async def artifacts_of_a_task(store: SqlStore, *, is_output: bool) -> None:
    """A task has used two artifacts and made a third one; those of one direction come along as they are read by their ids."""
    [task], artifacts = await a_graph(store, tasks=1, artifacts=3)
    used, made = artifacts[:2], artifacts[2:]
    links = [a_link(task, each, type=USED) for each in used] + [a_link(task, each) for each in made]
    await keep(store, *links)
    ends = made if is_output else used
    if is_output:
        found = await store.read(lambda tx: tx.lineage.outputs([task.id], per_task=3))
    else:
        found = await store.read(lambda tx: tx.lineage.inputs([task.id], per_task=3))
    ids = [each.id for each in ends]
    assert found.artifacts == await store.read(lambda tx: tx.lineage.artifacts(ids))
    assert found.artifacts.keys() == set(ids)


async def test_artifacts_that_tasks_used_come_along(store: SqlStore) -> None:
    await artifacts_of_a_task(store, is_output=False)


async def test_artifacts_that_tasks_made_come_along(store: SqlStore) -> None:
    await artifacts_of_a_task(store, is_output=True)


URI = "s3://bucket/path"


def a_version_at(seconds: int, **changes: object) -> Artifact:
    """An artifact at the uri."""
    fields = {"uri": URI, "uri_hash": text_digest(URI), "created_at": MOMENT + seconds}
    return an_artifact(**fields | changes)


def moment_at(seconds: int, namespace: str = "") -> Moment:
    """The uri at a time."""
    return Moment(text_digest(URI), namespace, MOMENT + seconds)


async def test_artifacts_at_a_uri_come_newest_first_from_a_moment_backwards(store: SqlStore) -> None:
    versions = [a_version_at(seconds) for seconds in (1, 2, 2, 3)]
    elsewhere = a_version_at(1, namespace="elsewhere")
    await keep(store, *versions, elsewhere, an_artifact(uri="s3://other", uri_hash=text_digest("s3://other")))
    moments = [moment_at(2), moment_at(0), moment_at(9, "elsewhere")]
    found = await store.read(lambda tx: tx.lineage.versions_before(moments, per_uri=2))
    assert [[artifact.id for artifact in each] for each in found] == [
        [versions[2].id, versions[1].id],
        [],
        [elsewhere.id],
    ]


async def test_only_artifacts_that_have_versions_are_at_a_uri(store: SqlStore) -> None:
    versions = [a_version_at(0, type=type) for type in range(9)]
    await keep(store, *versions)
    [found] = await store.read(lambda tx: tx.lineage.versions_before([moment_at(0)], per_uri=9))
    assert {artifact.type for artifact in found} == {1, 2, 3}


async def test_artifacts_at_a_uri_come_oldest_first_from_a_moment_onwards(store: SqlStore) -> None:
    versions = [a_version_at(seconds) for seconds in (1, 2, 2, 3)]
    await keep(store, *versions)
    [found] = await store.read(lambda tx: tx.lineage.versions_after([moment_at(2)], per_uri=9))
    assert [artifact.id for artifact in found] == [version.id for version in versions[1:]]


async def test_tasks_of_some_types_in_a_run_come_by_creation_time_then_id(store: SqlStore) -> None:
    run = a_run()
    made = [
        a_task(run.id, type=type, created_at=MOMENT + seconds) for type, seconds in ((2, 3), (2, 1), (7, 1), (5, 0))
    ]
    await keep(store, run, *made)
    found = await store.read(lambda tx: tx.lineage.tasks_of_run(run.id, types=[2, 7], limit=2))
    assert found == [made[1].id, made[2].id]


async def test_nodes_of_unknown_tasks_are_left_out(store: SqlStore) -> None:
    [task], _ = await a_graph(store, tasks=1, artifacts=0)
    found = await store.read(lambda tx: tx.lineage.tasks([task.id, new_id(), "\x00"]))
    assert {key: (node.run_id, node.type) for key, node in found.items()} == {task.id: (task.run_id, task.type)}


async def test_nodes_of_unknown_artifacts_are_left_out(store: SqlStore) -> None:
    _, [artifact] = await a_graph(store, tasks=0, artifacts=1)
    found = await store.read(lambda tx: tx.lineage.artifacts([artifact.id, new_id(), "\x00"]))
    assert {key: (node.name, node.created_at) for key, node in found.items()} == {artifact.id: ("artifact", MOMENT)}


async def test_runs_come_with_their_experiments(store: SqlStore) -> None:
    run = a_run(experiment_id="of-the-run")
    await keep(store, run)
    assert await store.read(lambda tx: tx.lineage.experiments([run.id, new_id()])) == {run.id: "of-the-run"}


async def test_artifacts_of_any_type_with_a_uri_come_newest_first(store: SqlStore) -> None:
    versions = [a_version_at(seconds, type=seconds) for seconds in (6, 1, 2)]
    await keep(store, *versions, an_artifact())
    found = await store.read(lambda tx: tx.lineage.at_uri(text_digest(URI), None, limit=2))
    assert [artifact.id for artifact in found] == [versions[0].id, versions[2].id]


async def test_a_namespace_limits_which_artifacts_have_a_uri(store: SqlStore) -> None:
    versions = [a_version_at(1, namespace=namespace) for namespace in ("a", "b")]
    await keep(store, *versions)
    for namespace, version in zip(("a", "b"), versions, strict=True):
        [found] = await store.read(lambda tx, name=namespace: tx.lineage.at_uri(text_digest(URI), name, limit=2))
        assert found.id == version.id


async def test_first_tasks_of_a_run_come_by_creation_time_then_id_with_their_parameters(store: SqlStore) -> None:
    run = a_run()
    times = (3, 1, 2)
    made = [
        a_task(run.id, created_at=MOMENT + at, input_parameters=f"[{at}]", type_attributes="{}", name=str(at))
        for at in times
    ]
    await keep(store, run, *made)
    found = await store.read(lambda tx: tx.lineage.parameters_of_run(run.id, limit=2, characters=99))
    assert [(task.id, task.name, task.input_parameters, task.output_parameters) for task in found] == [
        (made[1].id, "1", "[1]", None),
        (made[2].id, "2", "[2]", None),
    ]


async def test_parameters_of_a_run_that_exceed_so_many_characters_in_all_are_empty_texts(store: SqlStore) -> None:
    run = a_run()
    texts = ((None, None), ('["äö"]', None), (None, "[12]"), ("[]", "[1]"))
    made = [
        a_task(run.id, created_at=MOMENT + number, input_parameters=inputs, output_parameters=outputs)
        for number, (inputs, outputs) in enumerate(texts)
    ]
    await keep(store, run, *made)
    for characters, whole in ((99, 4), (14, 3), (10, 3), (9, 2), (6, 2), (5, 1)):
        found = await store.read(
            lambda tx, most=characters: tx.lineage.parameters_of_run(run.id, limit=9, characters=most)
        )
        shown = [tuple(text and "" for text in each) for each in texts]
        shown[:whole] = texts[:whole]
        assert [(task.input_parameters, task.output_parameters) for task in found] == shown
