"""The calls that are measured, by name: those that KFP's driver and launcher make.

`prepare` creates what the calls read, once per store.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from lineal.v2beta1 import artifact_pb2, run_pb2

PACKAGE = "/kubeflow.pipelines.backend.api.v2beta1."
TASKS = 100
BULK = 50
KFP_RUN_TASKS = 30
"""Number of tasks in the run that `one KFP task` reads completely: more than in most pipelines, fewer than in the largest."""

SPEC: dict[str, Any] = {
    "pipelineInfo": {"name": "bench"},
    "schemaVersion": "2.1.0",
    "root": {"dag": {"tasks": {}}},
}

Call = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What `prepare` created: a run with TASKS tasks, one with KFP_RUN_TASKS tasks, and one that grows."""

    run_id: str
    task_ids: tuple[str, ...]
    kfp_run_id: str
    kfp_task_ids: tuple[str, ...]
    growing_run_id: str


class Rpcs:
    """The methods of one server, by name."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        def rpc(service: str, name: str, request: type, answer: type) -> Any:
            path = f"{PACKAGE}{service}/{name}"
            return channel.unary_unary(path, request.SerializeToString, answer.FromString)

        runs, artifacts = "RunService", "ArtifactService"
        self.create_run = rpc(runs, "CreateRun", run_pb2.CreateRunRequest, run_pb2.Run)
        self.get_run = rpc(runs, "GetRun", run_pb2.GetRunRequest, run_pb2.Run)
        self.create_task = rpc(runs, "CreateTask", run_pb2.CreateTaskRequest, run_pb2.PipelineTask)
        self.update_task = rpc(runs, "UpdateTask", run_pb2.UpdateTaskRequest, run_pb2.PipelineTask)
        self.update_tasks = rpc(
            runs, "UpdateTasksBulk", run_pb2.UpdateTasksBulkRequest, run_pb2.UpdateTasksBulkResponse
        )
        self.get_task = rpc(runs, "GetTask", run_pb2.GetTaskRequest, run_pb2.PipelineTask)
        self.list_tasks = rpc(runs, "ListTasks", run_pb2.ListTasksRequest, run_pb2.ListTasksResponse)
        self.find_cached = rpc(runs, "FindCachedTask", run_pb2.FindCachedTaskRequest, run_pb2.PipelineTask)
        self.create_artifact = rpc(
            artifacts, "CreateArtifact", artifact_pb2.CreateArtifactRequest, artifact_pb2.Artifact
        )
        self.create_artifacts = rpc(
            artifacts,
            "CreateArtifactsBulk",
            artifact_pb2.CreateArtifactsBulkRequest,
            artifact_pb2.CreateArtifactsBulkResponse,
        )
        self.create_links = rpc(
            artifacts,
            "CreateArtifactTasksBulk",
            artifact_pb2.CreateArtifactTasksBulkRequest,
            artifact_pb2.CreateArtifactTasksBulkResponse,
        )


def task(number: int, **fields: Any) -> run_pb2.PipelineTask:
    """Return a typical task: a few parameters, a pod, a state."""
    defaults = {"name": f"t{number}", "display_name": f"task {number}", "state": 1, "type": 2}
    new = run_pb2.PipelineTask(**defaults | {"scope_path": f"root.t{number}"} | fields)
    new.pods.add(name=f"pod-{number}", uid="5f6ae9d0-e5f8-4536-99f3-33e332a798ba", type=1)
    for index in range(4):
        parameter = new.inputs.parameters.add(parameter_key=f"p{index}", type=4)
        parameter.value.string_value = "value " * 4
        parameter.producer.task_name = "ROOT"
    return new


def artifact(run_id: str, task_id: str, number: int) -> artifact_pb2.CreateArtifactRequest:
    """Return a request for a dataset with a little metadata."""
    new = artifact_pb2.Artifact(name=f"a{number}", type=3, uri=f"s3://bucket/{number}", namespace="bench")
    new.metadata["rows"].number_value = 12.5
    return artifact_pb2.CreateArtifactRequest(artifact=new, run_id=run_id, task_id=task_id, producer_key="data")


async def prepare(rpcs: Rpcs) -> Stored:
    """Create what the calls read."""

    async def create_run(count: int) -> tuple[str, tuple[str, ...]]:
        # With a specification, as runs of pipelines have.
        run = run_pb2.Run(display_name="bench")
        run.pipeline_spec.update(SPEC)
        run_id = (await rpcs.create_run(run_pb2.CreateRunRequest(run=run))).run_id
        task_ids = [
            (await rpcs.create_task(run_pb2.CreateTaskRequest(run_id=run_id, task=task(number)))).task_id
            for number in range(count)
        ]
        requests = [artifact(run_id, task_id, number) for number, task_id in enumerate(task_ids)]
        if requests:
            await rpcs.create_artifacts(artifact_pb2.CreateArtifactsBulkRequest(artifacts=requests))
        return run_id, tuple(task_ids)

    run_id, task_ids = await create_run(TASKS)
    kfp_run_id, kfp_task_ids = await create_run(KFP_RUN_TASKS)
    growing, _ = await create_run(0)
    return Stored(run_id, task_ids, kfp_run_id, kfp_task_ids, growing)


def calls(rpcs: Rpcs, stored: Stored, *, client: int) -> dict[str, Call]:
    """Return the measured calls by name; each takes a number, so that no two are equal. `client` distinguishes processes."""
    run_id, task_ids = stored.run_id, stored.task_ids

    def one(number: int) -> str:
        return task_ids[number % len(task_ids)]

    def unique_number(number: int) -> int:
        return number * 100 + client

    bulk = {task_id: task(0) for task_id in task_ids[:BULK]}
    requests = [artifact(run_id, task_id, 0) for task_id in task_ids[:BULK]]
    update_bulk = run_pb2.UpdateTasksBulkRequest(run_id=run_id, tasks=bulk)
    create_bulk = artifact_pb2.CreateArtifactsBulkRequest(artifacts=requests)
    return {
        "GetTask": lambda n: rpcs.get_task(run_pb2.GetTaskRequest(run_id=run_id, task_id=one(n))),
        "FindCachedTask": lambda n: rpcs.find_cached(
            run_pb2.FindCachedTaskRequest(cache_fingerprint=f"nobody's {unique_number(n)}", namespace="bench")
        ),
        f"GetRun FULL {TASKS}": lambda n: rpcs.get_run(run_pb2.GetRunRequest(run_id=run_id, view=1)),
        f"ListTasks {TASKS}": lambda n: rpcs.list_tasks(run_pb2.ListTasksRequest(run_id=run_id, page_size=TASKS)),
        "CreateTask": lambda n: rpcs.create_task(
            run_pb2.CreateTaskRequest(run_id=stored.growing_run_id, task=task(unique_number(n)))
        ),
        "UpdateTask": lambda n: rpcs.update_task(
            run_pb2.UpdateTaskRequest(run_id=run_id, task_id=one(n), task=task(n % TASKS))
        ),
        f"UpdateTasksBulk {BULK}": lambda n: rpcs.update_tasks(update_bulk),
        "CreateArtifact": lambda n: rpcs.create_artifact(artifact(run_id, one(n), n)),
        f"CreateArtifactsBulk {BULK}": lambda n: rpcs.create_artifacts(create_bulk),
        "one KFP task": lambda n: one_kfp_task(rpcs, stored, unique_number(n)),
    }


async def one_kfp_task(rpcs: Rpcs, stored: Stored, number: int) -> None:
    """Make the 16 calls with which KFP's driver and launcher record one task of a run."""
    run_id, task_ids = stored.kfp_run_id, stored.kfp_task_ids

    async def look(*task_ids: str) -> None:
        await rpcs.get_run(run_pb2.GetRunRequest(run_id=run_id, view=1))
        for task_id in task_ids:
            await rpcs.get_task(run_pb2.GetTaskRequest(run_id=run_id, task_id=task_id))

    await look(task_ids[0], task_ids[1])
    await rpcs.find_cached(run_pb2.FindCachedTaskRequest(cache_fingerprint=f"miss {number}", namespace="bench"))
    # Below another run's root; otherwise the run that is read completely would grow with every call.
    new_task = task(number, cache_fingerprint=f"miss {number}")
    created_task = await rpcs.create_task(run_pb2.CreateTaskRequest(run_id=stored.growing_run_id, task=new_task))
    await look(task_ids[2], task_ids[3])
    artifacts_request = artifact_pb2.CreateArtifactsBulkRequest(
        artifacts=[artifact(stored.growing_run_id, created_task.task_id, number)]
    )
    artifact_id = (await rpcs.create_artifacts(artifacts_request)).artifacts[0].artifact_id
    link = artifact_pb2.ArtifactTask(
        artifact_id=artifact_id, run_id=stored.growing_run_id, task_id=created_task.task_id, key="in", type=2
    )
    link.producer.task_name = task_ids[0]
    await rpcs.create_links(artifact_pb2.CreateArtifactTasksBulkRequest(artifact_tasks=[link]))
    finished_task = task(number, state=2)
    await rpcs.update_task(
        run_pb2.UpdateTaskRequest(run_id=stored.growing_run_id, task_id=created_task.task_id, task=finished_task)
    )
    await look(task_ids[4], task_ids[5])
    for task_id in task_ids[:2]:
        tasks = {task_id: task(0), task_ids[2]: task(1)}
        await rpcs.update_tasks(run_pb2.UpdateTasksBulkRequest(run_id=run_id, tasks=tasks))
