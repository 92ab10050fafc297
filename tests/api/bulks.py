"""The three bulk calls as one kind of thing: five items, a way to spoil one of them, a way to count what was kept."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lineal.v2beta1 import artifact_pb2, run_pb2

from tests.api.builders import a_link, an_artifact, new_artifact, new_run, new_run_and_task, new_tasks, unique

SIZE = 5


@dataclass
class Bulk:
    """A bulk call: `items` may be changed before it is sent, `kept` counts the items that the store has."""

    items: list[Any]
    send: Callable[[list[Any]], Awaitable[Any]]
    kept: Callable[[], Awaitable[int]]
    foreign: tuple[str, str]
    """A run that is not the bulk's, and a task of it."""


async def update_tasks(api: Any, size: int = SIZE) -> Bulk:
    """Tasks that succeed; an item is a request of UpdateTask."""
    run_id = await new_run(api)
    task_ids = await new_tasks(api, run_id, size)

    async def kept() -> int:
        page = await api.ListTasks(run_id=run_id, page_size=200)
        return sum(task.state == run_pb2.PipelineTask.SUCCEEDED for task in page.tasks)

    update = run_pb2.PipelineTask(state="SUCCEEDED")
    return Bulk(
        items=[run_pb2.UpdateTaskRequest(task_id=task_id, task=update) for task_id in task_ids],
        send=lambda items: api.UpdateTasksBulk(run_id=run_id, tasks={item.task_id: item.task for item in items}),
        kept=kept,
        foreign=await new_run_and_task(api),
    )


async def create_artifacts(api: Any, size: int = SIZE) -> Bulk:
    """Artifacts of one name; both they and their links must be there to count."""
    run_id, task_id = await new_run_and_task(api)
    name = unique("artifact")
    wanted = f'{{"predicates":[{{"key":"name","operation":"EQUALS","string_value":"{name}"}}]}}'

    async def kept() -> int:
        artifacts = (await api.ListArtifacts(filter=wanted)).total_size
        links = (await api.ListArtifactTasks(run_ids=[run_id])).total_size
        # Two reads are two snapshots: the links may be of a moment later, never of one before.
        return int(artifacts) if artifacts == links else -1

    item = artifact_pb2.CreateArtifactRequest(
        run_id=run_id, task_id=task_id, producer_key="out", artifact=an_artifact(name)
    )
    items = [artifact_pb2.CreateArtifactRequest.FromString(item.SerializeToString()) for _ in range(size)]
    return Bulk(items, lambda items: api.CreateArtifactsBulk(artifacts=items), kept, await new_run_and_task(api))


async def create_links(api: Any, size: int = SIZE) -> Bulk:
    """Uses of an artifact under different keys."""
    run_id, task_id = await new_run_and_task(api)
    artifact_id = await new_artifact(api, *(await new_run_and_task(api)))

    async def kept() -> int:
        return int((await api.ListArtifactTasks(run_ids=[run_id])).total_size)

    items = [a_link(run_id, task_id, artifact_id, key=f"key-{number}") for number in range(size)]
    return Bulk(
        items, lambda items: api.CreateArtifactTasksBulk(artifact_tasks=items), kept, await new_run_and_task(api)
    )
