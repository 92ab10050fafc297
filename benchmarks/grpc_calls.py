"""What a gRPC call costs: calls a second, latency, and CPU of the server process a call, on one database.

The server runs in a process of its own, the client in this one; both share the machine with the database, so absolute
figures move with it and CPU a call moves less.
"""

import asyncio
import os
import pathlib
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

import grpc
from lineal.v2beta1 import artifact_pb2, run_pb2

from tests.databases import create_database, private_server
from tests.faults.cluster import serving

CLIENTS = 32
TASKS = 100
SECONDS = 3.0
PACKAGE = "/kubeflow.pipelines.backend.api.v2beta1."
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Setting:
    """A run with tasks to call upon."""

    channel: grpc.aio.Channel
    run_id: str
    task_ids: list[str]

    def method(self, name: str, request: type, answer: type) -> Callable[..., Awaitable[object]]:
        """Return a callable for an RPC by its Service/Method name."""
        return self.channel.unary_unary(PACKAGE + name, request.SerializeToString, answer.FromString)


def cpu_seconds(pid: int) -> float:
    """Return user and system time of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def task(number: int) -> run_pb2.PipelineTask:
    """Return a typical task: a few parameters, a pod, a state."""
    new = run_pb2.PipelineTask(
        name=f"t{number}", display_name=f"task {number}", state=1, type=2, scope_path=f"root.t{number}"
    )
    new.pods.add(name=f"pod-{number}", uid="5f6ae9d0-e5f8-4536-99f3-33e332a798ba", type=1)
    for index in range(4):
        parameter = new.inputs.parameters.add(parameter_key=f"p{index}", type=4)
        parameter.value.string_value = "value " * 4
        parameter.producer.task_name = "ROOT"
    return new


async def measure(kind: str) -> None:
    """Serve a fresh store of a kind and print one line an RPC."""
    with ExitStack() as stack:
        if kind == "sqlite":
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = f"sqlite:///{folder}/bench.sqlite"
        else:
            url = create_database(kind, server=stack.enter_context(private_server(kind)).url)
        server = stack.enter_context(serving(url, "--upgrade", "--log-level", "warning"))
        async with grpc.aio.insecure_channel(server.grpc) as channel:
            await _measure_all(kind, server.process_id, channel)


async def _measure_all(kind: str, pid: int, channel: grpc.aio.Channel) -> None:
    setting = await _prepare(channel)
    print(f"\n{kind}: {CLIENTS} clients, {TASKS} tasks a run")
    print(f"{'RPC':<26}{'calls/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'server CPU µs':>15}")
    for name, call in _calls(setting).items():
        done, times, cpu = await _load(call, pid)
        p99 = statistics.quantiles(times, n=100)[98]
        print(f"{name:<26}{done / SECONDS:>9.0f}{statistics.median(times):>9.1f}{p99:>9.1f}{cpu / done * 1e6:>15.0f}")


async def _prepare(channel: grpc.aio.Channel) -> Setting:
    setting = Setting(channel, "", [])
    create_run = setting.method("RunService/CreateRun", run_pb2.CreateRunRequest, run_pb2.Run)
    setting.run_id = (await create_run(run_pb2.CreateRunRequest(run=run_pb2.Run(display_name="bench")))).run_id
    create = setting.method("RunService/CreateTask", run_pb2.CreateTaskRequest, run_pb2.PipelineTask)
    for number in range(TASKS):
        made = await create(run_pb2.CreateTaskRequest(run_id=setting.run_id, task=task(number)))
        setting.task_ids.append(made.task_id)
    bulk = setting.method(
        "ArtifactService/CreateArtifactsBulk",
        artifact_pb2.CreateArtifactsBulkRequest,
        artifact_pb2.CreateArtifactsBulkResponse,
    )
    await bulk(artifact_pb2.CreateArtifactsBulkRequest(artifacts=[_artifact(setting, i) for i in range(TASKS)]))
    return setting


def _artifact(setting: Setting, number: int) -> artifact_pb2.CreateArtifactRequest:
    artifact = artifact_pb2.Artifact(name=f"a{number}", type=3, uri=f"s3://bucket/{number}", namespace="bench")
    artifact.metadata["rows"].number_value = 12.5
    task_id = setting.task_ids[number % len(setting.task_ids)]
    return artifact_pb2.CreateArtifactRequest(
        artifact=artifact, run_id=setting.run_id, task_id=task_id, producer_key="data"
    )


def _calls(setting: Setting) -> dict[str, Callable[[int], Awaitable[object]]]:
    run_id, task_ids = setting.run_id, setting.task_ids
    rpc = setting.method
    create_run = rpc("RunService/CreateRun", run_pb2.CreateRunRequest, run_pb2.Run)
    create_task = rpc("RunService/CreateTask", run_pb2.CreateTaskRequest, run_pb2.PipelineTask)
    update_task = rpc("RunService/UpdateTask", run_pb2.UpdateTaskRequest, run_pb2.PipelineTask)
    update_bulk = rpc("RunService/UpdateTasksBulk", run_pb2.UpdateTasksBulkRequest, run_pb2.UpdateTasksBulkResponse)
    get_task = rpc("RunService/GetTask", run_pb2.GetTaskRequest, run_pb2.PipelineTask)
    list_tasks = rpc("RunService/ListTasks", run_pb2.ListTasksRequest, run_pb2.ListTasksResponse)
    get_run = rpc("RunService/GetRun", run_pb2.GetRunRequest, run_pb2.Run)
    create = rpc("ArtifactService/CreateArtifact", artifact_pb2.CreateArtifactRequest, artifact_pb2.Artifact)
    other: list[str] = []

    async def new_task(number: int) -> object:
        if not other:  # a run of its own, so that the lists below stay as long as they are
            request = run_pb2.CreateRunRequest(run=run_pb2.Run(display_name="other"))
            other.append((await create_run(request)).run_id)
        return await create_task(run_pb2.CreateTaskRequest(run_id=other[0], task=task(number)))

    def one(number: int) -> str:
        return task_ids[number % len(task_ids)]

    return {
        "CreateTask": new_task,
        "UpdateTask": lambda n: update_task(
            run_pb2.UpdateTaskRequest(run_id=run_id, task_id=one(n), task=task(n % TASKS))
        ),
        "UpdateTasksBulk 50": lambda n: update_bulk(
            run_pb2.UpdateTasksBulkRequest(run_id=run_id, tasks={i: task(0) for i in task_ids[:50]})
        ),
        "GetTask": lambda n: get_task(run_pb2.GetTaskRequest(run_id=run_id, task_id=one(n))),
        "ListTasks 100": lambda n: list_tasks(run_pb2.ListTasksRequest(run_id=run_id, page_size=100)),
        "GetRun FULL 100": lambda n: get_run(run_pb2.GetRunRequest(run_id=run_id, view=1)),
        "CreateArtifact": lambda n: create(_artifact(setting, n)),
    }


async def _load(call: Callable[[int], Awaitable[object]], pid: int) -> tuple[int, list[float], float]:
    times: list[float] = []
    end = time.monotonic() + SECONDS
    numbers = iter(range(10**9))

    async def client() -> None:
        while time.monotonic() < end:
            started = time.monotonic()
            await call(next(numbers))
            times.append((time.monotonic() - started) * 1000)

    before = cpu_seconds(pid)
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(times), times, cpu_seconds(pid) - before
