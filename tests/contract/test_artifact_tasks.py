"""What storage.contract promises of the links between artifacts and tasks."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from storage.contract import WriteTx
from storage.errors import Conflict
from storage.fields import ARTIFACT_TASK_LIST
from storage.ids import new_id
from storage.model import Artifact, ArtifactTask, LinkedArtifact, LinkOutline, Task
from storage.sql.store import SqlStore
from tests.contract.builders import a_kept_task, a_link, a_run, a_task, an_artifact, keep
from tests.contract.listings import all_pages, ids_of, listing
from tests.contract.uris import with_uri


async def two_of_each(store: SqlStore) -> tuple[list[Task], list[Artifact]]:
    """Two tasks of two runs, and two artifacts, all kept."""
    runs = [a_run(), a_run()]
    tasks, artifacts = [a_task(run.id) for run in runs], [an_artifact(), an_artifact(uri="s3://a")]
    await keep(store, *runs, *tasks, *artifacts)
    return tasks, artifacts


async def create(store: SqlStore, *links: ArtifactTask) -> Sequence[ArtifactTask]:
    return await store.write(lambda tx: tx.artifact_tasks.create(links))


async def list_ids(
    store: SqlStore,
    *,
    tasks: Sequence[str] = (),
    runs: Sequence[str] = (),
    artifacts: Sequence[str] = (),
    type: int | None = None,
) -> list[str]:
    pages = await all_pages(
        store,
        lambda tx, page: tx.artifact_tasks.list(page, task_ids=tasks, run_ids=runs, artifact_ids=artifacts, type=type),
        listing(ARTIFACT_TASK_LIST, page_size=2),
    )
    return ids_of(pages)


async def test_links_of_artifacts_that_are_new_come_back_as_they_were_given(store: SqlStore) -> None:
    for count in (1, 3):
        task, new = await a_kept_task(store), [an_artifact() for _ in range(count)]
        links = [a_link(task, artifact, key=f"key {number}", iteration=number) for number, artifact in enumerate(new)]

        async def write(tx: WriteTx, new: Sequence[Artifact] = new, links: Sequence[ArtifactTask] = links) -> None:
            await tx.artifacts.create(new)
            await tx.artifact_tasks.create_of_new(links)

        await store.write(write)
        found = await store.read(lambda tx, task=task: tx.artifact_tasks.of_tasks([task.id]))
        assert sorted((each.link for each in found), key=lambda link: link.iteration) == links


async def test_links_list_by_id(store: SqlStore) -> None:
    [task, _], [artifact, _] = await two_of_each(store)
    links = [a_link(task, artifact, id=id, key=id) for id in ("a", "B", "c", "b")]
    await create(store, *links)
    assert await list_ids(store, tasks=[task.id]) == ["B", "a", "b", "c"]


async def test_ids_of_one_kind_are_alternatives_kinds_must_all_match(store: SqlStore) -> None:
    tasks, artifacts = await two_of_each(store)
    links = [a_link(task, artifact, type=type) for type, task in enumerate(tasks, 1) for artifact in artifacts]
    await create(store, *links)
    ids = [link.id for link in links]
    assert await list_ids(store, tasks=[task.id for task in tasks]) == ids
    assert await list_ids(store, runs=[tasks[1].run_id], artifacts=[artifacts[0].id]) == [ids[2]]
    assert await list_ids(store, tasks=[tasks[0].id], runs=[tasks[1].run_id]) == []
    assert await list_ids(store, artifacts=[artifacts[1].id], type=1) == [ids[1]]


async def test_links_of_tasks_come_with_their_artifacts(store: SqlStore) -> None:
    tasks, artifacts = await two_of_each(store)
    links = [a_link(tasks[0], artifacts[0]), a_link(tasks[1], artifacts[1], iteration=3)]
    await create(store, *links)
    rows = await store.read(lambda tx: tx.artifact_tasks.of_tasks([task.id for task in tasks]))
    assert sorted(rows, key=lambda each: each.link.id) == [*map(LinkedArtifact, links, artifacts)]
    assert await store.read(lambda tx: tx.artifact_tasks.of_tasks([tasks[1].id])) == [
        LinkedArtifact(links[1], artifacts[1])
    ]


async def test_links_of_runs_come_with_their_artifacts(store: SqlStore) -> None:
    tasks, artifacts = await two_of_each(store)
    links = [a_link(tasks[0], artifacts[1]), a_link(tasks[1], artifacts[0])]
    await create(store, *links)
    rows = await store.read(lambda tx: tx.artifact_tasks.of_runs([tasks[0].run_id]))
    assert list(rows) == [LinkedArtifact(links[0], artifacts[1])]


async def test_outlines_of_the_first_links_of_a_run_come_by_id(store: SqlStore) -> None:
    task, other, artifact = await a_kept_task(store), await a_kept_task(store), an_artifact(type=2, uri="s3://b/k")
    links = [a_link(task, artifact, id=id, key=id, type=3, producer='{"taskName":"t"}') for id in ("b", "c", "a")]
    await keep(store, artifact, *links, a_link(other, artifact, id="0"))
    rows = await store.read(lambda tx: tx.artifact_tasks.outlines(task.run_id, limit=2))
    assert [link.key for link in rows] == ["a", "b"]
    assert rows[0] == LinkOutline(task.id, artifact.id, 3, "a", '{"taskName":"t"}', 2, "s3://b/k")


async def test_a_link_that_exists_already_is_returned_as_it_is(store: SqlStore) -> None:
    [task, _], [artifact, _] = await two_of_each(store)
    link = a_link(task, artifact)
    again = replace(link, id=new_id(), producer='{"taskName":"other"}')
    assert await create(store, link) == [link]
    assert await create(store, again) == [link]
    other = a_link(task, artifact, key="other")
    assert await create(store, other, again, again) == [other, link, link]
    assert await list_ids(store, tasks=[task.id]) == [link.id, other.id]


async def test_links_differ_by_type_key_iteration_and_artifact(store: SqlStore) -> None:
    [task, _], artifacts = await two_of_each(store)
    link = a_link(task, artifacts[0])
    changes = [{"type": 2}, {"key": "Out"}, {"iteration": 0}, {"artifact_id": artifacts[1].id}]
    others = [replace(link, id=new_id(), **change) for change in changes]  # type: ignore[arg-type]
    assert await create(store, link, *others) == [link, *others]


async def test_links_come_back_in_the_order_they_were_given(store: SqlStore) -> None:
    tasks, artifacts = await two_of_each(store)
    links = [a_link(task, artifact, key=key) for key in "bac" for task in tasks for artifact in artifacts]
    earlier = replace(links[5], id=new_id())
    await create(store, earlier)
    requests = [*links, links[0]]
    assert await create(store, *requests) == [*links[:5], earlier, *links[6:], links[0]]


async def test_a_link_to_a_task_or_an_artifact_that_does_not_exist_raises_conflict(store: SqlStore) -> None:
    task, artifact = await a_kept_task(store), an_artifact()
    await keep(store, artifact)
    for link in (a_link(task, an_artifact()), a_link(a_task(task.run_id), artifact)):
        for links in ([link], [a_link(task, artifact), link]):
            with pytest.raises(Conflict, match="a row that the request refers to does not exist"):
                await create(store, *links)
    assert await list_ids(store, runs=[task.run_id]) == []


async def test_links_of_tasks_are_deleted_without_their_artifacts(store: SqlStore) -> None:
    tasks, artifacts = await two_of_each(store)
    links = [a_link(task, artifacts[0]) for task in tasks]
    await create(store, *links)
    await store.write(lambda tx: tx.artifact_tasks.delete_of_tasks([tasks[0].id]))
    assert await list_ids(store, artifacts=[artifacts[0].id]) == [links[1].id]
    assert await store.read(lambda tx: tx.artifacts.get(artifacts[0].id)) == artifacts[0]


async def test_artifacts_with_a_uri_are_found_by_the_task_type_key_and_iteration_of_their_links_in_order_of_the_links_ids(
    store: SqlStore,
) -> None:
    [task, other_task], _ = await two_of_each(store)
    uris = ["s3://u", "s3://u", "s3://v", *["s3://u"] * 4]
    artifacts = [*(an_artifact(**with_uri(uri)) for uri in uris), an_artifact()]
    later, earlier, other_uri, *others, without = [a_link(task, artifact) for artifact in artifacts]
    later, earlier = replace(later, id="b"), replace(earlier, id="a")
    changes = [{"type": 8}, {"key": "Out"}, {"iteration": 0}, {"task_id": other_task.id, "run_id": other_task.run_id}]
    others = [replace(link, **change) for link, change in zip(others, changes, strict=True)]  # type: ignore[arg-type]
    await keep(store, *artifacts, later, earlier, other_uri, *others, without)
    asked = [replace(later, id=new_id(), artifact_id=""), a_link(task, an_artifact(), key="unused")]
    found = await store.read(lambda tx: tx.artifact_tasks.outputs([*asked, *asked], ["s3://u", "s3://w"]))
    assert found == [LinkedArtifact(earlier, artifacts[1]), LinkedArtifact(later, artifacts[0])]
    found = await store.read(lambda tx: tx.artifact_tasks.outputs([*asked, others[2]], ["s3://u", "s3://v"]))
    assert {each.link for each in found} == {earlier, later, other_uri, others[2]}


async def test_an_artifact_that_was_linked_elsewhere_before_is_not_an_output_of_the_task(store: SqlStore) -> None:
    [maker, user], _ = await two_of_each(store)
    artifact = an_artifact(**with_uri("s3://u"))
    made, reused = a_link(maker, artifact), a_link(user, artifact)
    await keep(store, artifact, made, reused)
    for link, expected in ((made, [LinkedArtifact(made, artifact)]), (reused, [])):
        found = await store.read(lambda tx, link=link: tx.artifact_tasks.outputs([link], ["s3://u"]))
        assert found == expected
