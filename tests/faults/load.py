"""Writers that remember what the server acknowledged, and the audit that compares it with what is kept. Called by tests.

load = Load(server.grpc, ledger, clients=8)     several clients write until an error, or until stop()
...                                             the server or its database is killed
await load.ended()
findings = await audit(server.grpc, ledger)     nothing lost, no bulk call half there
"""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

import grpc
from lineal.v2beta1 import run_pb2

from tests.api.builders import a_link, a_parameter, a_root, a_task, an_artifact, with_inputs
from tests.api.client import Api
from tests.faults.client import connected
from tests.faults.waiting import until

STEPS_PER_RUN = 4
AUDITORS = 8
PAGE_SIZE = 200

# Between calls that fail: a server without its database would otherwise only write its log.
PAUSE_SECONDS = 0.02


@dataclass
class Bulk:
    """A bulk call: all that it writes carries its name, so that it can be counted."""

    kind: str
    name: str
    size: int
    task_ids: list[str]
    acknowledged: bool = False


@dataclass
class Recording:
    """A run, and what of it the server acknowledged: names of tasks by id, values of parameters by task and key."""

    run_id: str
    display_name: str
    tasks: dict[str, str] = field(default_factory=dict)
    parameters: dict[tuple[str, str], str] = field(default_factory=dict)
    bulks: list[Bulk] = field(default_factory=list)


@dataclass
class Ledger:
    """What clients know: acknowledged writes, how many, and with which codes other calls ended."""

    recordings: list[Recording] = field(default_factory=list)
    acknowledged: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    names: Any = field(default_factory=lambda: (f"w{number:06}" for number in itertools.count()))

    async def settle(self, call: Awaitable[Any]) -> Any:
        """Return a call's answer and count it as acknowledged; count its code and raise when there is none."""
        try:
            answer = await call
        except grpc.aio.AioRpcError as error:
            self.refusals[error.code().name] += 1
            raise
        self.acknowledged += 1
        return answer


@dataclass
class Findings:
    """What an audit found: acknowledged writes that are not there, bulk calls of which only a part is."""

    lost: list[str] = field(default_factory=list)
    half_written: list[str] = field(default_factory=list)


class Load:
    """Clients that write runs until they are stopped, or until a call fails unless they go on through failures."""

    def __init__(
        self, address: str, ledger: Ledger, *, clients: int = 8, seed: int = 0, through_failures: bool = False
    ) -> None:
        self._stopped = False
        self._through_failures = through_failures
        self._clients = [
            asyncio.create_task(self._write(address, ledger, random.Random(f"{seed}-{number}")))
            for number in range(clients)
        ]

    async def stop(self) -> None:
        """Let every client finish the call in hand; raises what a client raised."""
        self._stopped = True
        await self.ended()

    async def ended(self) -> None:
        """Wait until every client has ended, by a failed call or by stop(); raises what a client raised."""
        await asyncio.gather(*self._clients)

    async def _write(self, address: str, ledger: Ledger, chance: random.Random) -> None:
        async with connected(address) as api:
            while not self._stopped:
                try:
                    await self._record_run(api, ledger, chance)
                except grpc.aio.AioRpcError:
                    if not self._through_failures:
                        return
                    await asyncio.sleep(PAUSE_SECONDS)

    async def _record_run(self, api: Api, ledger: Ledger, chance: random.Random) -> None:
        name = next(ledger.names)
        run = await ledger.settle(api.CreateRun(run=run_pb2.Run(display_name=name)))
        recording = Recording(run.run_id, name)
        ledger.recordings.append(recording)
        root = await _create_task(api, ledger, recording, a_root())
        children = [a_task(next(ledger.names), parent_task_id=root) for _ in range(3)]
        await _all(_create_task(api, ledger, recording, child) for child in children)
        for _ in range(STEPS_PER_RUN):
            if self._stopped:
                return
            await self._step(api, ledger, recording, chance)

    async def _step(self, api: Api, ledger: Ledger, recording: Recording, chance: random.Random) -> None:
        """What a pod does: parameters, artifacts, their use by another task, and the end of several tasks."""
        producer, consumer = chance.sample(sorted(recording.tasks), 2)
        await _all(_set_parameter(api, ledger, recording, producer) for _ in range(3))
        size = chance.randint(2, 20)
        artifact_ids = await _create_artifacts(api, ledger, recording, producer, size)
        await _link_artifacts(api, ledger, recording, consumer, artifact_ids)
        await _update_all(api, ledger, recording)


async def _all(calls: Any) -> None:
    """Wait for every call, also when one fails: an answer that comes after that is acknowledged all the same."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _create_task(api: Api, ledger: Ledger, recording: Recording, task: run_pb2.PipelineTask) -> str:
    created = await ledger.settle(api.CreateTask(run_id=recording.run_id, task=task))
    recording.tasks[created.task_id] = task.name
    return str(created.task_id)


async def _set_parameter(api: Api, ledger: Ledger, recording: Recording, task_id: str) -> None:
    name = next(ledger.names)
    change = with_inputs(a_parameter(name, f"value of {name}"))
    await ledger.settle(api.UpdateTask(run_id=recording.run_id, task_id=task_id, task=change))
    recording.parameters[task_id, name] = f"value of {name}"


async def _create_artifacts(api: Api, ledger: Ledger, recording: Recording, task_id: str, size: int) -> list[str]:
    bulk = Bulk("artifacts", next(ledger.names), size, [task_id])
    recording.bulks.append(bulk)
    request = {"run_id": recording.run_id, "task_id": task_id, "producer_key": bulk.name}
    items = [{**request, "artifact": an_artifact(bulk.name, uri=f"s3://b/{bulk.name}/{i}")} for i in range(size)]
    created = await ledger.settle(api.CreateArtifactsBulk(artifacts=items))
    bulk.acknowledged = True
    return [artifact.artifact_id for artifact in created.artifacts]


async def _link_artifacts(
    api: Api, ledger: Ledger, recording: Recording, task_id: str, artifact_ids: list[str]
) -> None:
    bulk = Bulk("links", next(ledger.names), len(artifact_ids), [task_id])
    recording.bulks.append(bulk)
    links = [a_link(recording.run_id, task_id, artifact_id, key=bulk.name) for artifact_id in artifact_ids]
    await ledger.settle(api.CreateArtifactTasksBulk(artifact_tasks=links))
    bulk.acknowledged = True


async def _update_all(api: Api, ledger: Ledger, recording: Recording) -> None:
    task_ids = sorted(recording.tasks)
    bulk = Bulk("parameters", next(ledger.names), len(task_ids), task_ids)
    recording.bulks.append(bulk)
    change = with_inputs(a_parameter(bulk.name, bulk.name), state="SUCCEEDED")
    request = {"run_id": recording.run_id, "tasks": dict.fromkeys(task_ids, change)}
    await ledger.settle(api.UpdateTasksBulk(**request))
    bulk.acknowledged = True


async def more_acknowledged(ledger: Ledger, *, count: int = 1) -> None:
    """Return when so many more writes are acknowledged; fails when that takes too long."""
    enough = ledger.acknowledged + count
    await until(lambda: ledger.acknowledged >= enough)


async def audit(address: str, recordings: list[Recording]) -> Findings:
    """Read everything back and compare."""
    findings = Findings()
    waiting = list(recordings)
    async with connected(address) as api:
        artifacts = await _artifact_names(api, recordings)

        async def work() -> None:
            while waiting:
                await _audit_run(api, waiting.pop(), artifacts, findings)

        await asyncio.gather(*(work() for _ in range(AUDITORS)))
    return findings


async def _artifact_names(api: Api, recordings: list[Recording]) -> Counter[str]:
    """Count all artifacts by name, also those that no task is linked to; older ones are left out by their name."""
    names: Counter[str] = Counter()
    if not recordings:
        return names
    oldest = min(recording.display_name for recording in recordings)
    predicate = {"key": "name", "operation": "GREATER_THAN", "string_value": oldest}
    request = {"page_size": PAGE_SIZE, "filter": json.dumps({"predicates": [predicate]})}
    while True:
        page = await api.ListArtifacts(**request)
        names.update(artifact.name for artifact in page.artifacts)
        if not page.next_page_token:
            return names
        request["page_token"] = page.next_page_token


async def _audit_run(api: Api, recording: Recording, artifacts: Counter[str], findings: Findings) -> None:
    try:
        run = await api.GetRun(run_id=recording.run_id, view="FULL")
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.NOT_FOUND:
            raise
        findings.lost.append(f"run {recording.display_name}")
        return
    tasks = {task.task_id: task for task in run.tasks}
    for task_id, name in recording.tasks.items():
        if task_id not in tasks or tasks[task_id].name != name:
            findings.lost.append(f"task {name} of run {recording.display_name}")
    for (task_id, key), value in recording.parameters.items():
        if task_id in tasks and _parameters(tasks[task_id]).get(key) != value:
            findings.lost.append(f"parameter {key} of run {recording.display_name}")
    for bulk in recording.bulks:
        linked = _present(bulk, tasks)
        listed = artifacts[bulk.name] if bulk.kind == "artifacts" else linked
        if bulk.acknowledged and linked == listed == 0:
            findings.lost.append(f"{bulk.kind} {bulk.name} of run {recording.display_name}")
        elif linked != listed or linked not in (0, bulk.size):
            how = f"{linked} linked and {listed} listed of {bulk.size}"
            findings.half_written.append(f"{bulk.kind} {bulk.name} of run {recording.display_name}: {how}")


def _present(bulk: Bulk, tasks: dict[str, run_pb2.PipelineTask]) -> int:
    """Count the stored items of a bulk call."""
    holders = [tasks[task_id] for task_id in bulk.task_ids if task_id in tasks]
    if bulk.kind == "parameters":
        return sum(_parameters(task).get(bulk.name) == bulk.name for task in holders)
    sides = [task.outputs if bulk.kind == "artifacts" else task.inputs for task in holders]
    groups = [group for side in sides for group in side.artifacts if group.artifact_key == bulk.name]
    return sum(len(group.artifacts) for group in groups)


def _parameters(task: run_pb2.PipelineTask) -> dict[str, str]:
    return {parameter.parameter_key: parameter.value.string_value for parameter in task.inputs.parameters}
