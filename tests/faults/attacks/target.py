"""What attackers and witness are told of the server, and what it holds: made once per server."""

import asyncio
import json
from dataclasses import asdict, dataclass, replace

from lineal.v2beta1 import run_pb2

from tests.api.builders import a_parameter, a_task, new_artifact, new_run, new_task, with_inputs
from tests.faults.client import Client, connected

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Size:
    """How much a server holds, and how much attackers send: tasks in the large run, large artifacts, MiB in the metadata of each,
    MiB in a large message, numbers and tasks in large bodies."""

    tasks: int
    artifacts: int
    artifact_mebibytes: int
    message_mebibytes: int
    body_numbers: int
    spec_tasks: int


SHORT = Size(300, 4, artifact_mebibytes=1, message_mebibytes=10, body_numbers=300_000, spec_tasks=1_000)
LONG = Size(20_000, 20, artifact_mebibytes=14, message_mebibytes=60, body_numbers=1_900_000, spec_tasks=10_000)


@dataclass(frozen=True, slots=True)
class Target:
    """Addresses of both doors; a run with many tasks, a task of it, an artifact with much metadata; the witness's own task."""

    size: Size
    grpc: str
    rest: str
    run_id: str
    task_id: str
    artifact_id: str
    witness_run_id: str
    witness_task_id: str

    def at(self, grpc: str, rest: str) -> "Target":
        """The same, of another server on the same store."""
        return replace(self, grpc=grpc, rest=rest)

    def text(self) -> str:
        """The target as one argument of a command."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> "Target":
        """Read that argument."""
        fields = json.loads(text)
        return cls(**fields | {"size": Size(**fields["size"])})


async def prepare(grpc: str, rest: str, size: Size) -> Target:
    """Fill a server."""
    async with connected(grpc) as api:
        run_id, witness_run_id = await new_run(api), await new_run(api)
        task_ids = await _tasks(api, run_id, size.tasks)
        artifacts_run_id = await new_run(api)
        artifacts_task_id = await new_task(api, artifacts_run_id)
        text = "x" * (size.artifact_mebibytes * MEBIBYTE)
        artifact_ids = [
            await new_artifact(api, artifacts_run_id, artifacts_task_id, metadata={"text": {"string_value": text}})
            for _ in range(size.artifacts)
        ]
        witness_task_id = await new_task(api, witness_run_id)
        return Target(size, grpc, rest, run_id, task_ids[0], artifact_ids[0], witness_run_id, witness_task_id)


async def _tasks(api: Client, run_id: str, count: int) -> list[str]:
    task = with_inputs(*(a_parameter(f"key-{number}", f"value {number}") for number in range(4)))
    task.MergeFrom(a_task())
    free = asyncio.Semaphore(16)

    async def create(number: int) -> str:
        one = run_pb2.PipelineTask()
        one.CopyFrom(task)
        one.name = f"task-{number}"
        async with free:
            created = await api.CreateTask(run_id=run_id, task=one)
        return str(created.task_id)

    return list(await asyncio.gather(*map(create, range(count))))
