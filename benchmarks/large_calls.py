"""The largest calls that are allowed, by name; `others` makes them while it measures how long other calls take.

`prepare` creates what they read, once per store.
"""

import asyncio
import itertools
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import grpc
from google.protobuf import json_format
from lineal.v2beta1 import artifact_pb2, report_pb2, run_pb2

from benchmarks.calls import PACKAGE, Rpcs, artifact, task

BULK = 10_000
POINTS = 160_000
"""Points of a ROC curve: with three numbers each, 15 MiB as JSON."""
NUMBERS = 1_900_000
SPEC_BYTES = 12 * 1024 * 1024
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
WIDTH = 64
"""How many calls are in flight while a store is prepared."""


@dataclass(frozen=True, slots=True)
class Target:
    """A server, and what `prepare` created on its store."""

    grpc: str
    rest: str
    run_id: str
    task_ids: tuple[str, ...]
    artifact_id: str
    report_run_id: str
    small_run_id: str
    small_task_id: str
    updated_task_id: str
    other_task_id: str
    """A task that no large call touches; neither it nor the one that is updated has artifacts."""


async def prepare(grpc_address: str, rest_address: str, *, tasks: int) -> Target:
    """Create artifacts with large metadata, a run with many tasks, one that is canceled, and one with a single task."""
    async with grpc.aio.insecure_channel(grpc_address, options=OPTIONS) as channel:
        rpcs = Rpcs(channel)

        async def a_run() -> str:
            return str((await rpcs.create_run(run_pb2.CreateRunRequest(run=run_pb2.Run(display_name="large")))).run_id)

        async def a_task(run_id: str, number: int) -> str:
            request = run_pb2.CreateTaskRequest(run_id=run_id, task=task(number))
            return str((await rpcs.create_task(request)).task_id)

        small_run_id = await a_run()
        small_task_id, updated_task_id, other_task_id = [await a_task(small_run_id, number) for number in range(3)]
        large = _large_artifact(small_run_id, small_task_id)
        artifact_ids = [(await rpcs.create_artifact(large)).artifact_id for _ in range(3)]
        run_id, numbers = await a_run(), iter(range(tasks))
        task_ids: list[str] = []

        async def creator() -> None:
            for number in numbers:
                task_ids.append(await a_task(run_id, number))

        await asyncio.gather(*(creator() for _ in range(WIDTH)))
        report_run_id = await a_run()
    return Target(
        grpc=grpc_address,
        rest=rest_address,
        run_id=run_id,
        task_ids=tuple(task_ids),
        artifact_id=artifact_ids[0],
        report_run_id=report_run_id,
        small_run_id=small_run_id,
        small_task_id=small_task_id,
        updated_task_id=updated_task_id,
        other_task_id=other_task_id,
    )


QUIET = "nothing"

Make = Callable[[], object]


class _Calls:
    """One client of one server. Its answers are not read into messages, which would take the server's time on few cores."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._channel = grpc.insecure_channel(target.grpc, options=OPTIONS)

    def rpc(self, method: str, request: Any) -> Make:
        """Return a function that makes a call over gRPC."""
        return self.rpc_of(method, itertools.repeat(request))

    def rpc_of(self, method: str, requests: Iterator[Any]) -> Make:
        """Return a function that makes a call over gRPC with the next request."""
        call = self._channel.unary_unary(PACKAGE + method, _serialized, None)
        return lambda: call(next(requests), timeout=300)

    def http(self, verb: str, path: str, body: bytes | None = None, kind: str = "application/json") -> Make:
        """Return a function that makes a call over REST."""
        return self.http_of(verb, itertools.repeat(path), body, kind)

    def http_of(self, verb: str, paths: Iterator[str], body: bytes | None, kind: str) -> Make:
        """Return a function that makes a call over REST with the next path."""
        connection = HTTPConnection(self.target.rest, timeout=300)

        def make() -> None:
            connection.request(verb, next(paths), body, {"content-type": kind})
            response = connection.getresponse()
            text = response.read()
            if response.status != 200:
                raise RuntimeError(f"{verb}: {response.status} {text[:200]!r}")

        return make


def _serialized(request: Any) -> bytes:
    return request if isinstance(request, bytes) else bytes(request.SerializeToString())


def large_calls(target: Target) -> dict[str, Callable[[], Make]]:
    """Return functions by the name of a call that prepare it; what they return makes it."""
    calls, run_id = _Calls(target), target.run_id
    return {
        QUIET: lambda: lambda: time.sleep(0.01),
        "GetRun FULL": lambda: calls.rpc("RunService/GetRun", run_pb2.GetRunRequest(run_id=run_id, view=1)),
        "GetRun FULL, REST": lambda: calls.http("GET", f"/apis/v2beta1/runs/{run_id}?view=FULL"),
        "ListArtifacts, large": lambda: calls.rpc(
            "ArtifactService/ListArtifacts", artifact_pb2.ListArtifactRequest(page_size=40)
        ),
        "GetArtifact, large": lambda: calls.rpc(
            "ArtifactService/GetArtifact", artifact_pb2.GetArtifactRequest(artifact_id=target.artifact_id)
        ),
        "GetArtifact, large, REST": lambda: calls.http("GET", f"/apis/v2beta1/artifacts/{target.artifact_id}"),
        "CreateArtifact, large": lambda: calls.rpc(
            "ArtifactService/CreateArtifact", _serialized(_large_artifact(target.small_run_id, target.small_task_id))
        ),
        "CreateArtifact, large, REST": lambda: calls.http("POST", "/apis/v2beta1/artifacts", _large_json(target)),
        "CreateArtifact, numbers, REST": lambda: calls.http("POST", "/apis/v2beta1/artifacts", _numbers_json(target)),
        "ReportWorkflow": lambda: calls.rpc("ReportService/ReportWorkflow", _serialized(_report(target))),
        "CreateRun, large": lambda: calls.rpc("RunService/CreateRun", _serialized(_large_run())),
        "CreateArtifactsBulk": lambda: calls.rpc("ArtifactService/CreateArtifactsBulk", _serialized(_bulk(target))),
        "UpdateTasksBulk": lambda: calls.rpc_of("RunService/UpdateTasksBulk", _updates(target)),
        "UpdateTask, large": lambda: calls.rpc_of("RunService/UpdateTask", _large_updates(target)),
        "upload": lambda: _upload(calls),
    }


def _curve() -> list[dict[str, float]]:
    chance = random.Random(1)
    keys = ("confidenceThreshold", "falsePositiveRate", "recall")
    return [{key: round(chance.random(), 10) for key in keys} for _ in range(POINTS)]


def _large_artifact(run_id: str, task_id: str) -> artifact_pb2.CreateArtifactRequest:
    request = artifact(run_id, task_id, 0)
    json_format.ParseDict(_curve(), request.artifact.metadata["confidenceMetrics"])
    return request


def _json_artifact(target: Target, metadata: Any) -> bytes:
    new = {"name": "a", "type": "Dataset", "namespace": "bench", "metadata": {"values": metadata}}
    request = {"artifact": new, "run_id": target.small_run_id, "task_id": target.small_task_id, "producer_key": "k"}
    return json.dumps(request, separators=(",", ":")).encode()


def _large_json(target: Target) -> bytes:
    return _json_artifact(target, _curve())


def _numbers_json(target: Target) -> bytes:
    return _json_artifact(target, [1] * NUMBERS)


def _report(target: Target) -> report_pb2.ReportWorkflowRequest:
    node = {
        "displayName": "step",
        "phase": "Succeeded",
        "children": [f"node-{i}" for i in range(10)],
        "message": "m" * 50,
    }
    nodes = {f"node-{number}": node for number in range(60_000)}
    metadata = {"name": "w", "labels": {"pipeline/runid": target.report_run_id}}
    workflow = {"metadata": metadata, "status": {"phase": "Running", "nodes": nodes}}
    return report_pb2.ReportWorkflowRequest(workflow=json.dumps(workflow))


def _large_spec() -> dict[str, Any]:
    component = {
        "executorLabel": "exec",
        "inputDefinitions": {
            "parameters": {f"p{i}": {"parameterType": "STRING", "description": "d" * 60} for i in range(20)}
        },
    }
    size = len(json.dumps({"comp-00000": component}))
    return {
        "pipelineInfo": {"name": "large"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.13.0",
        "root": {"dag": {"tasks": {}}},
        "components": {f"comp-{number}": component for number in range(SPEC_BYTES // size)},
    }


def _large_run() -> run_pb2.CreateRunRequest:
    request = run_pb2.CreateRunRequest(run=run_pb2.Run(display_name="large"))
    json_format.ParseDict(_large_spec(), request.run.pipeline_spec)
    return request


def _bulk(target: Target) -> artifact_pb2.CreateArtifactsBulkRequest:
    requests = [artifact(target.small_run_id, target.small_task_id, number) for number in range(BULK)]
    return artifact_pb2.CreateArtifactsBulkRequest(artifacts=requests)


def _updates(target: Target) -> Iterator[bytes]:
    requests = [
        _serialized(
            run_pb2.UpdateTasksBulkRequest(
                run_id=target.run_id, tasks={task_id: task(number) for task_id in target.task_ids[:BULK]}
            )
        )
        for number in range(2)
    ]
    return itertools.cycle(requests)


def _large_updates(target: Target) -> Iterator[bytes]:
    requests = []
    for number in range(2):
        update = run_pb2.PipelineTask(name=f"t{number}")
        parameter = update.outputs.parameters.add(parameter_key="curve", type=4)
        json_format.ParseDict(_curve(), parameter.value)
        request = run_pb2.UpdateTaskRequest(run_id=target.small_run_id, task_id=target.updated_task_id, task=update)
        requests.append(_serialized(request))
    return itertools.cycle(requests)


def _upload(calls: _Calls) -> Make:
    head = 'Content-Disposition: form-data; name="uploadfile"; filename="p.json"'
    body = f"--b\r\n{head}\r\n\r\n{json.dumps(_large_spec())}\r\n--b--\r\n".encode()
    names = (f"/apis/v2beta1/pipelines/upload?name={quote(f'p{random.random()}')}" for _ in itertools.count())
    return calls.http_of("POST", names, body, "multipart/form-data; boundary=b")
