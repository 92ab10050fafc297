"""The 16 calls with which KFP's driver and launcher record one task of a run. Client processes call this.

Requests are serialized beforehand; the ids that answers bring are put in the place of others of the same length.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from lineal.v2beta1 import artifact_pb2, run_pb2

from benchmarks.calls import artifact, task
from benchmarks.operations import Request, rpc
from benchmarks.stored import NAMESPACE, Run, Stored, numbered_task

NEW_TASK = "11111111-1111-4111-8111-111111111111"
NEW_ARTIFACT = "22222222-2222-4222-8222-222222222222"
NUMBER = "#" * 20
"""Stands for a number that makes a fingerprint one of its own."""

Send = Callable[[Request], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class KfpTask:
    """The requests in one run; the task is created in another one, since the run that is read would grow with every call."""

    look: tuple[tuple[Request, ...], ...]
    """Three times: GetRun FULL, then GetTask of two tasks."""
    find: Request
    create: Request
    create_artifacts: Request
    link: Request
    update: Request
    update_bulk: tuple[Request, Request]

    async def record(self, send: Send, number: int) -> None:
        """Record a task; the number is one that was not used before."""
        this_one = (NUMBER.encode(), f"{number:020}".encode())
        for request in self.look[0]:
            await send(request)
        await send(_with(self.find, this_one))
        created = run_pb2.PipelineTask.FromString(await send(_with(self.create, this_one)))
        new_task = (NEW_TASK.encode(), created.task_id.encode())
        for request in self.look[1]:
            await send(request)
        answer = await send(_with(self.create_artifacts, new_task))
        [new] = artifact_pb2.CreateArtifactsBulkResponse.FromString(answer).artifacts
        await send(_with(self.link, new_task, (NEW_ARTIFACT.encode(), new.artifact_id.encode())))
        await send(_with(self.update, new_task))
        for request in (*self.look[2], *self.update_bulk):
            await send(request)


def kfp_tasks(stored: Stored) -> list[KfpTask]:
    """Return the requests for each run of a pipeline."""
    return [_in_run(run, stored.small[place % len(stored.small)]) for place, run in enumerate(stored.kfp)]


def _in_run(run: Run, growing: Run) -> KfpTask:
    new_task = numbered_task(0, cache_fingerprint=NUMBER)
    link = artifact_pb2.ArtifactTask(
        artifact_id=NEW_ARTIFACT, run_id=growing.id, task_id=NEW_TASK, key="in", type=2, producer={"task_name": "t1"}
    )
    bulk = artifact_pb2.CreateArtifactsBulkRequest(artifacts=[artifact(growing.id, NEW_TASK, 0)])
    update = run_pb2.UpdateTaskRequest(run_id=growing.id, task_id=NEW_TASK, task=task(0, state=2))
    find = run_pb2.FindCachedTaskRequest(cache_fingerprint=NUMBER, namespace=NAMESPACE)
    first, second = (_update_bulk(run, task_id) for task_id in run.task_ids[:2])
    return KfpTask(
        look=tuple(_look(run, place) for place in range(3)),
        find=rpc("FindCachedTask", find),
        create=rpc("CreateTask", run_pb2.CreateTaskRequest(run_id=growing.id, task=new_task)),
        create_artifacts=rpc("CreateArtifactsBulk", bulk),
        link=rpc("CreateArtifactTasksBulk", artifact_pb2.CreateArtifactTasksBulkRequest(artifact_tasks=[link])),
        update=rpc("UpdateTask", update),
        update_bulk=(first, second),
    )


def _look(run: Run, place: int) -> tuple[Request, ...]:
    tasks = [run_pb2.GetTaskRequest(run_id=run.id, task_id=id) for id in run.task_ids[2 * place : 2 * place + 2]]
    full = rpc("GetRun", run_pb2.GetRunRequest(run_id=run.id, view=1))
    return full, *(rpc("GetTask", request) for request in tasks)


def _update_bulk(run: Run, task_id: str) -> Request:
    tasks = {task_id: task(0), run.task_ids[2]: task(1)}
    return rpc("UpdateTasksBulk", run_pb2.UpdateTasksBulkRequest(run_id=run.id, tasks=tasks))


def _with(request: Request, *replaced: tuple[bytes, bytes]) -> Request:
    data = request.data
    for old, new in replaced:
        data = data.replace(old, new)
    return Request(request.path, data)
