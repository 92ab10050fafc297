"""One task with its links and children."""

from typing import Any

import pytest

from storage.contract import ReadTx
from storage.errors import RowNotFound
from storage.ids import new_id
from storage.model import ChildTask, LinkedArtifact, Task
from storage.sql.store import SqlStore
from tests.contract.builders import MOMENT, a_kept_task, a_link, a_task, an_artifact, keep
from tests.contract.watching import statements


async def full_task(store: SqlStore) -> tuple[Task, list[LinkedArtifact], list[ChildTask]]:
    """A task of which every column has a value, with links and children, beside another one that has some too."""
    texts = {name: f'["{name}"]' for name in ("pods", "status_metadata", "state_history", "type_attributes")}
    values: dict[str, Any] = {
        "input_parameters": "[]",
        "output_parameters": "[1]",
        "started_at": 5,
        "finished_at": 6,
        "state": 2,
    }
    task = await a_kept_task(store, name="x", scope_path="root.x", logical_key="key", **texts, **values)
    artifacts = [
        an_artifact(metadata="{}", number_value=0.5, uri="s3://x", identity_key="a", namespace="n"),
        an_artifact(number_value=2.0**60, description="second"),
        an_artifact(),
    ]
    links = [a_link(task, artifact, key=f"{position}") for position, artifact in enumerate(artifacts)]
    children = [
        a_task(task.run_id, parent_task_id=task.id, name=f"child {time}", created_at=MOMENT + time)
        for time in (3, 1, 2)
    ]
    other = a_task(task.run_id)
    others_child = a_task(task.run_id, parent_task_id=other.id)
    await keep(store, *artifacts, *children, other, others_child, *links, a_link(other, artifacts[0]))
    linked = [LinkedArtifact(link, artifact) for link, artifact in zip(links, artifacts, strict=True)]
    return task, linked, [ChildTask(each.id, each.name, task.id) for each in (children[1], children[2], children[0])]


async def test_one_statement_reads_a_task_with_its_links_and_its_children(store: SqlStore) -> None:
    task, links, children = await full_task(store)

    async def separately(tx: ReadTx) -> object:
        found = await tx.artifact_tasks.of_tasks([task.id])
        return await tx.tasks.get(task.id), list(found), await tx.tasks.children(task.run_id, [task.id])

    with statements(store) as log:
        read = await store.read_one(lambda tx: tx.tasks.linked(task.id, task.run_id))
    assert len(log) == 1
    assert (read[0], sorted(read[1], key=lambda each: each.link.id), read[2]) == (task, links, children)
    assert read == await store.read(separately)


async def test_children_of_a_linked_task_come_by_creation_time_then_id(store: SqlStore) -> None:
    task, *_ = await full_task(store)
    children = [a_task(task.run_id, parent_task_id=task.id) for _ in range(2)]
    await keep(store, *reversed(children))
    _, _, read = await store.read_one(lambda tx: tx.tasks.linked(task.id, task.run_id))
    assert [child.id for child in read[:2]] == sorted(child.id for child in children)


async def test_a_linked_task_has_no_children_in_other_runs_than_its_own(store: SqlStore) -> None:
    task, links, _ = await full_task(store)
    read = await store.read_one(lambda tx: tx.tasks.linked(task.id, "another run"))
    assert (read[0], len(read[1]), read[2]) == (task, len(links), [])


async def test_an_unknown_task_is_not_linked(store: SqlStore) -> None:
    with pytest.raises(RowNotFound):
        await store.read_one(lambda tx: tx.tasks.linked(new_id(), "run"))
